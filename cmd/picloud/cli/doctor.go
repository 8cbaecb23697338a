package cli

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

// finding is one thing that doctor looked at.
type finding struct {
	what, found string
	ok          bool
	remedy      string
}

func (a *App) doctor() *cobra.Command {
	var bundle string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check the way to the cluster, and gather what support needs",
		Long:  "Check the way to the cluster. --bundle FILE writes what support needs to a .tar.gz: versions, readiness, metrics, the cluster and its nodes. It holds no token and no secret.",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			findings, sick := a.examine(c.Context()), false
			for _, f := range findings {
				mark := a.paint(green, "ok  ")
				if !f.ok {
					mark, sick = a.paint(red, "fail"), true
				}
				fmt.Fprintf(a.Stdout, "%s  %-10s %s\n", mark, f.what, f.found)
				if !f.ok && f.remedy != "" {
					fmt.Fprintf(a.Stdout, "      %s\n", f.remedy)
				}
			}
			if bundle != "" {
				if err := a.bundle(c.Context(), bundle, findings); err != nil {
					return err
				}
			}
			if sick {
				return exit(ExitRefused)
			}
			return nil
		},
	}
	c.Flags().StringVar(&bundle, "bundle", "", "file to write, such as picloud-support.tar.gz")
	return c
}

// maxSkew is how far two clocks may differ before certificates and expiries
// surprise people.
const maxSkew = 30 * time.Second

func (a *App) examine(ctx context.Context) (findings []finding) {
	path, _ := a.contextPath()
	cfg, err := a.loadContext()
	var broken *brokenContext
	switch {
	case errors.As(err, &broken):
		return append(findings, finding{"context", err.Error(), false, "the file is broken; write it again: \"picloud dev\" does so for its own, \"picloud context add\" for a named one"})
	case err != nil:
		return append(findings, finding{"context", err.Error(), false, "start a node with \"picloud dev\", or name a cluster with --context"})
	}
	findings = append(findings, finding{"context", fmt.Sprintf("%s: %s at %s", path, cfg.Domain, strings.Join(cfg.Endpoints, ", ")), true, ""})
	cfg.Attempts = 1
	cluster, err := client.New(cfg)
	if err != nil {
		return append(findings, finding{"client", err.Error(), false, "make the context again"})
	}
	defer cluster.Close()
	for _, check := range []struct{ what, path, remedy string }{
		{"alive", "/healthz", "is the node running, and is its address right?"},
		{"ready", "/readyz", "the node lives but cannot serve yet; its log says why"},
		{"access", "/", "the token may be expired or revoked; make another with \"picloud token create\""},
	} {
		answer, err := cluster.Do(ctx, client.Request{Method: http.MethodGet, Path: check.path, Accept: "application/json"})
		if err != nil {
			remedy := check.remedy
			var failed *base.Error
			if errors.As(err, &failed) && failed.Code == base.Forbidden && check.what == "alive" { // nobody is forbidden to ask: the certificate was
				remedy = "the certificate authority in " + path + " is of another cluster; take the client.json or ca.pem of this one"
			}
			return append(findings, finding{check.what, err.Error(), false, remedy}) // what comes after would fail alike
		}
		found := http.StatusText(answer.Status)
		if answer.Position > 0 {
			found += fmt.Sprintf(", position %d", answer.Position)
		}
		if why := unready(answer.Body); check.what == "ready" && why != "" {
			findings = append(findings, finding{check.what, "takes no writes: " + why, false, "reading goes on; writing does when the reason is gone"})
			continue
		}
		findings = append(findings, finding{check.what, found, true, ""})
		if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil && check.what == "alive" {
			skew := time.Since(date).Round(time.Second)
			findings = append(findings, finding{"clock", fmt.Sprintf("differs by %s", skew), skew.Abs() < maxSkew, "set the clocks by NTP"})
		}
	}
	return findings
}

// unready reads from an answer of /readyz why a node takes no writes, or "".
func unready(body []byte) string {
	var r struct {
		Writes bool   `json:"writes"`
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return "its answer cannot be read: " + err.Error()
	}
	if !r.Writes && r.Reason == "" {
		return "it says no reason"
	}
	return r.Reason
}

// bundled are the reads that a bundle holds.
var bundled = []struct{ name, path string }{
	{"readyz.json", "/readyz"}, {"metrics.txt", "/metrics"}, {"cluster.json", "/"}, {"nodes.json", "/nodes"},
}

// bundle writes what support needs. Its members come from reads that show no
// secret to anybody.
func (a *App) bundle(ctx context.Context, name string, findings []finding) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	compressed := gzip.NewWriter(file)
	archive := tar.NewWriter(compressed)
	report := fmt.Sprintf("picloud %s, %s/%s\n", a.Version, runtime.GOOS, runtime.GOARCH)
	for _, f := range findings {
		report += fmt.Sprintf("%t %s %s\n", f.ok, f.what, f.found)
	}
	if err := member(archive, "doctor.txt", []byte(report)); err != nil {
		return err
	}
	if cluster, err := a.client(); err == nil {
		defer cluster.Close()
		for _, part := range bundled {
			answer, err := cluster.Do(ctx, client.Request{Method: http.MethodGet, Path: part.path, Accept: "application/json, text/plain;q=0.5"})
			body := []byte(fmt.Sprint(err))
			if err == nil {
				body = answer.Body
			}
			if err := member(archive, part.name, body); err != nil {
				return err
			}
		}
	}
	for _, closer := range []io.Closer{archive, compressed} {
		if err := closer.Close(); err != nil {
			return err
		}
	}
	fmt.Fprintln(a.Stderr, "wrote", name)
	return nil
}

func member(archive *tar.Writer, name string, data []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}
