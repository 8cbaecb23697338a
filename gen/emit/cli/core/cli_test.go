package cli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/cli/core"
	"github.com/picloud/picloud/generated/schema"
)

// declared is what flags of a kind give.
func declared(t *testing.T, word string, arguments ...string) (string, error) {
	t.Helper()
	c := &cobra.Command{Use: word, SilenceErrors: true, SilenceUsage: true}
	value := cli.Flags(c, schema.Model, schema.Model.Kind(word))
	text := ""
	c.RunE = func(*cobra.Command, []string) error {
		v, err := value()
		if err == nil {
			text = string(base.AppendValue(nil, v))
		}
		return err
	}
	c.SetArgs(arguments)
	err := c.Execute()
	return text, err
}

func TestFlagsSpeakAsPeopleDo(t *testing.T) {
	got, err := declared(t, "container", "--image", "photo-api:1.0.0", "--args", "--port", "--args", "8080",
		"--env", "LOG_LEVEL=a,b=c", "--env", "DB_URL,secret=db-connection", "--mounts", "media-store,path=/data,readOnly=true",
		"--resources-cpu", "500m", "--resources-memory", "256MiB", "--tags", "team=backend", "--restart", "never")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"tags":{"team":"backend"},"image":"photo-api:1.0.0","args":["--port","8080"],` +
		`"env":{"LOG_LEVEL":{"value":"a,b=c"},"DB_URL":{"secret":"db-connection"}},` +
		`"mounts":{"media-store":{"path":"/data","readOnly":true}},"resources":{"cpu":500,"memory":268435456},"restart":"never"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWrongFlagsAreRefusedByName(t *testing.T) {
	for flag, part := range map[string]string{
		"--size=12QB":               "--size",
		"--storage-intent-nonsense": "unknown flag",
		"--tags==x":                 "--tags",
	} {
		if _, err := declared(t, "volume", flag); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got error %v, want one with %q", flag, err, part)
		}
	}
	if _, err := declared(t, "volume", "--tags=a=1", "--tags=a=2"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two values of one key: got error %v", err)
	}
}

func TestMissingFieldsAreNamed(t *testing.T) {
	missing := cli.Missing(schema.Model.Kind("volume"), &base.Value{Kind: base.ObjectValue})
	if len(missing) != 1 || missing[0].Name != "size" {
		t.Errorf("got %v", missing)
	}
}

type asked struct{ ref, operation, input string }

func (a *asked) Operate(_ context.Context, _ *base.Class, ref base.Ref, operation string, input *base.Value) error {
	a.ref, a.operation = string(ref), operation
	if input != nil {
		a.input = string(base.AppendValue(nil, input))
	}
	return nil
}

func TestVerbsLeadToOperations(t *testing.T) {
	for line, want := range map[string]asked{
		"node drain pi-2":                         {"/nodes/pi-2", "drain", ""},
		"enrollment reject pi-3 --reason unknown": {"/enrollments/pi-3", "reject", `{"reason":"unknown"}`},
	} {
		var got asked
		root := &cobra.Command{Use: "picloud", SilenceErrors: true, SilenceUsage: true}
		root.AddCommand(cli.Groups(schema.Model, &got)...)
		root.SetArgs(strings.Fields(line))
		if err := root.Execute(); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", line, got, err, want)
		}
	}
}
