package live

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
	"github.com/picloud/picloud/runtime/sparql/results"
)

// evaluate runs a query on a view and gives its rows: the bindings of SELECT as
// in SPARQL 1.1 Query Results JSON, the lines of the N-Quads of CONSTRUCT and
// DESCRIBE, "true" or "false" of ASK.
func (h *Hub) evaluate(t *turn) (vars, rows []string, failed error) {
	g := t.group
	ctx, limits := h.ctx, h.cfg.Limits
	if h.cfg.Desk != nil {
		entry, err := h.enter(g)
		if err != nil {
			return nil, nil, err
		}
		entry.At(t.view.Position)
		ctx, limits = entry.Context(), entry.Limits(limits)
		defer func() {
			if failed != nil && context.Cause(ctx) != nil {
				failed = context.Cause(ctx) // who ended it tells more than that it was ended
			}
			entry.Leave(failed)
		}()
	}
	result, err := sparql.Execute(ctx, g.query, t.feed.dataset(t.view, g.sight), limits)
	if err != nil {
		return nil, nil, err
	}
	defer result.Close()
	c := collector{hub: h, old: t.old}
	switch result.Form {
	case sparql.Ask:
		return nil, []string{strconv.FormatBool(result.Boolean)}, nil
	case sparql.Select:
		for row, err := range result.Rows() {
			if err != nil {
				return nil, nil, err
			}
			c.buffer = results.AppendBinding(c.buffer[:0], result.Vars, row)
			if err := c.add(); err != nil {
				return nil, nil, err
			}
		}
	default:
		for quad, err := range result.Quads() {
			if err != nil {
				return nil, nil, err
			}
			c.buffer = rdf.AppendQuad(c.buffer[:0], quad)
			c.buffer = c.buffer[:len(c.buffer)-1]
			if err := c.add(); err != nil {
				return nil, nil, err
			}
		}
	}
	return result.Vars, c.rows, nil
}

// errNoTurn is a run that has to be tried again.
var errNoTurn = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "so many queries run that a live one finds no turn; try again in a moment"}

// turnWait is how long a run waits for its turn. A worker that waits for the
// turn of one caller serves no other, so the run comes again later instead.
const turnWait = 100 * time.Millisecond

// enter waits for the turn of a run at the desk.
func (h *Hub) enter(g *group) (*desk.Entry, error) {
	ctx, cancel := context.WithCancelCause(h.ctx)
	late := time.AfterFunc(turnWait, func() { cancel(errNoTurn) })
	entry, err := h.cfg.Desk.Enter(ctx, desk.Work{Caller: g.caller, Kind: desk.Live, Endpoint: g.endpoint, Text: g.key.text})
	if inTime := late.Stop(); err == nil && !inTime {
		entry.Leave(errNoTurn)
		err = errNoTurn
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	context.AfterFunc(entry.Context(), func() { cancel(nil) }) // which ends with Leave
	return entry, nil
}

// collector gathers rows. Rows that follow each other as they did before are not
// copied again.
type collector struct {
	hub    *Hub
	old    []string // from the row on that is expected next
	rows   []string
	buffer []byte
	bytes  int64
}

func (c *collector) add() error {
	c.bytes += int64(len(c.buffer)) + 16
	switch {
	case len(c.rows) == c.hub.cfg.Rows:
		return &base.Error{Code: base.Exhausted, Detail: fmt.Sprintf("a live query may have %d rows and this one has more; ask for less, or add a LIMIT", c.hub.cfg.Rows)}
	case c.bytes > c.hub.cfg.AnswerBytes:
		return &base.Error{Code: base.Exhausted, Detail: fmt.Sprintf("the answer of a live query may have %d MiB and this one has more; ask for less, or add a LIMIT", c.hub.cfg.AnswerBytes>>20)}
	}
	for i := range min(2, len(c.old)) { // one row may have left
		if c.old[i] == string(c.buffer) {
			c.rows = append(c.rows, c.old[i])
			c.old = c.old[i+1:]
			return nil
		}
	}
	c.rows = append(c.rows, string(c.buffer))
	return nil
}

// difference is what leaves and what comes between two multisets of rows. Most
// rows stand where they stood, so only the middle is counted.
func difference(before, after []string) (removed, added []string) {
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	surplus := make(map[string]int, len(before))
	for _, r := range before {
		surplus[r]++
	}
	for _, r := range after {
		if surplus[r] > 0 {
			surplus[r]--
		} else {
			added = append(added, r)
		}
	}
	for _, r := range before {
		if surplus[r] > 0 {
			surplus[r]--
			removed = append(removed, r)
		}
	}
	return removed, added
}
