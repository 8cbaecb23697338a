package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picloud/picloud/runtime/peer"
)

// A node that fetches while no member answers says so, and fills no disk with it.
func TestNobodyAnswersIsSaidAndNotRepeatedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var noticed []string
		n := newNode(Config{
			Logger: slog.New(slog.NewTextHandler(&out, nil)), Join: []string{"192.0.2.7:443"},
			Notice: func(line string) { noticed = append(noticed, line) },
		})
		n.book = peer.OpenBook("", nil)
		long := strings.Repeat("0123456789abcdef", 4)
		n.record.Store(&record{Members: []member{{ID: long}}})
		asked, why := 0, func() string { return "connection refused" }
		ask := func(context.Context, string) (int, error) {
			asked++
			return 0, &url.Error{Op: "Get", URL: "https://" + long + "/peer/standing", Err: errors.New(why())}
		}
		during := func(d time.Duration) (lines int) {
			t.Helper()
			asked = 0
			out.Reset()
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			if _, err := ofAny(ctx, n, ask); err == nil {
				t.Fatal("it has an answer")
			}
			return strings.Count(out.String(), "\n")
		}
		if lines := during(time.Hour); lines < 50 || lines > 61 || asked < 1700 || asked > 1810 {
			t.Errorf("in an hour it asked %d times and logged %d lines", asked, lines)
		}
		for _, said := range []string{*n.waits.Load(), strings.Join(noticed, "\n"), out.String()} {
			if !strings.Contains(said, "no member that it knows answers: 01234567 at 192.0.2.7:443 (connection refused)") || strings.Contains(said, long) {
				t.Errorf("it says %q", said)
			}
		}
		if len(noticed) != 1 {
			t.Errorf("the console shows %q", noticed)
		}
		begun := time.Now()
		why = func() string { // another reason once
			if time.Since(begun) > 30*time.Second {
				return "no route to host"
			}
			return "connection refused"
		}
		if lines := during(50 * time.Second); lines != 2 || !strings.Contains(out.String(), "no route") {
			t.Errorf("that the reason is another one is told with %d lines", lines)
		}
		why = func() string { return fmt.Sprint("read from port ", asked, ": reset") } // each time
		if lines := during(time.Hour); lines > 361 {
			t.Errorf("reasons that change each time are %d lines in an hour", lines)
		}
	})
}
