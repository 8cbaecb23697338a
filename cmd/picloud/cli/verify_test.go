package cli

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
)

func TestVerifyTellsWhatDiffers(t *testing.T) {
	same := &sums{State: "aa", Graph: "bb"}
	equal := comparison{Position: 184, Equal: true, Complete: true, Nodes: []compared{{Name: "pi-1", Chain: "c", Equal: true, Position: 184, Live: same, Rebuilt: same}}}
	differs := comparison{Complete: true, Nodes: []compared{{Name: "pi-2", Chain: "d"}}}
	silent := comparison{Equal: true, Nodes: []compared{equal.Nodes[0], {Name: "pi-3", Fault: "no route", Since: base.TimeOf(time.Now().Add(-2 * time.Hour)).String()}}}
	busy := comparison{Equal: true, Nodes: []compared{{Name: "pi-3", Chain: "c", Fault: "too slow"}}}
	for _, c := range []struct {
		found comparison
		code  int
		want  string
		said  string
	}{
		{equal, ExitDone, "equal", "equal\n"}, {differs, ExitRefused, "differs", "they differ: "},
		{silent, ExitUnavailable, "unreachable for 2h: no route\n", "equal, but not all were compared: pi-3\n"},
		{busy, ExitUnavailable, "only the log was compared: too slow\n", "equal, but not all were compared: pi-3\n"},
	} {
		var path string
		code, out, said := against(t, func(w http.ResponseWriter, r *http.Request) {
			path = r.URL.RequestURI()
			serve(t, w, c.found)
		}, false, "", "cluster", "verify")
		if code != c.code || !strings.Contains(out, c.want) || !strings.HasPrefix(said, c.said) || path != "/-/cluster/verify?rebuild=true" {
			t.Errorf("%s: exit %d: %s%s", path, code, out, said)
		}
	}
}
