package peers

import (
	"fmt"
	"strings"
)

// byHand are the times of operators whose plan was fixed by hand, in parts of
// those of oxigraph-wasm: both were measured in one run over a million triples
// before this engine was written.
var byHand = map[string]float64{"load": 1.7 / 7.4, "memory": 114. / 635, "point": 0.001 / 0.21, "star": 5.6 / 44.7,
	"path": 1.9 / 48.7, "optional": 6.4 / 24.2, "group": 134. / 461, "regex": 13. / 124}

// goals prints what a table was to show: faster than native Oxigraph in each
// query and in the sum of the mix, and within twice the times of plans by hand.
func goals(engines []*engine, triples int) {
	ours, native, wasm := engines[0].report, (*report)(nil), (*report)(nil)
	for _, e := range engines {
		switch e.name {
		case "pyoxigraph":
			native = e.report
		case "oxigraph-wasm":
			wasm = e.report
		}
	}
	verdict := func(met bool, text string, a ...any) {
		fmt.Printf("    %s: %s\n", map[bool]string{true: "met", false: "MISSED"}[met], fmt.Sprintf(text, a...))
	}
	if native != nil {
		var slower []string
		for name, m := range ours.Queries {
			if m.Ms >= native.Queries[name].Ms {
				slower = append(slower, name)
			}
		}
		if len(ours.Queries) > 0 {
			verdict(len(slower) == 0, "faster than native Oxigraph in %d of %d queries (goal all) %s", len(ours.Queries)-len(slower), len(ours.Queries), strings.Join(slower, " "))
		} else {
			verdict(ours.mix() < native.mix(), "%.2g of native Oxigraph's time for the mix (goal < 1)", ours.mix()/native.mix())
		}
	}
	if wasm == nil || triples != 1_000_000 || len(ours.Queries) == 0 {
		return
	}
	part := func(name string, of, to float64) {
		times := of / to / byHand[name]
		verdict(times <= 2, "%.2g times a plan by hand, %s (goal <= 2)", times, name)
	}
	part("load", ours.Load, wasm.Load)
	part("memory", float64(ours.RSS), float64(wasm.RSS))
	for _, name := range sorted(ours.Queries) {
		part(name, ours.Queries[name].Ms, wasm.Queries[name].Ms)
	}
}

// mix is the sum of the medians of the mix.
func (r *report) mix() (total float64) {
	for _, name := range sorted(r.Mix) {
		total += r.Mix[name].Ms
	}
	return total
}
