package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/generated/client"
)

// watch follows a live query until it is interrupted, which is its proper end.
func (a *App) watch(ctx context.Context, q question) error {
	w := watcher{app: a, question: q, cells: q.cells()}
	for event, err := range q.cluster.Watch(ctx, q.path, q.text) {
		if err != nil {
			return err
		}
		if err := w.show(event); err != nil {
			return err
		}
	}
	return nil
}

// watcher shows a live query: drawn again on a terminal, in lines elsewhere.
type watcher struct {
	app      *App
	question question
	cells    cells
	vars     []string
	rows     []string // as received, in the order of the answer, what came later behind it
}

func (w *watcher) show(e *client.LiveEvent) error {
	if w.app.output == "json" {
		return w.app.copyOut(e.Data)
	}
	removed, added := w.take(e)
	if w.app.Coloured {
		return w.draw(e)
	}
	var b strings.Builder
	if e.Reset {
		b.WriteString("= what was missed is not known; all rows follow\n")
	}
	for _, list := range []struct {
		sign string
		rows []string
	}{{"- ", removed}, {"+ ", added}} {
		for _, r := range list.rows {
			fmt.Fprintln(&b, list.sign+strings.Join(w.line(r), "\t"))
		}
	}
	_, err := fmt.Fprint(w.app.Stdout, b.String())
	return err
}

// take brings the rows up to an event and gives what left and what came.
func (w *watcher) take(e *client.LiveEvent) (removed, added []string) {
	if e.Whole {
		w.vars, w.rows = e.Head.Vars, nil
	}
	for _, r := range e.Removed {
		removed = append(removed, w.row(r))
	}
	switch {
	case e.Boolean != nil:
		removed, added = w.rows, []string{fmt.Sprint(*e.Boolean)}
	case e.Quads != nil:
		added = e.Quads
	}
	for _, r := range slices.Concat(e.Results.Bindings, e.Added) {
		added = append(added, w.row(r))
	}
	for _, r := range removed {
		if i := slices.Index(w.rows, r); i >= 0 {
			w.rows = slices.Delete(slices.Clone(w.rows), i, i+1)
		}
	}
	w.rows = append(w.rows, added...)
	return removed, added
}

// row is a row as text: a binding as it came, a line of N-Quads without quotes.
func (w *watcher) row(raw json.RawMessage) string {
	var line string
	if json.Unmarshal(raw, &line) == nil {
		return line
	}
	return string(raw)
}

// line is a row as cells.
func (w *watcher) line(row string) []string {
	var b binding
	if len(w.vars) > 0 && json.Unmarshal([]byte(row), &b) == nil {
		return w.cells.row(w.vars, b)
	}
	return []string{row}
}

// draw shows the whole answer in the place of what was shown (ECMA-48: cursor
// home, erase to the end).
func (w *watcher) draw(e *client.LiveEvent) error {
	fmt.Fprintf(w.app.Stdout, "\x1b[H\x1b[2J%s\n\n", w.app.paint(bold, fmt.Sprintf("%d rows at position %s, %s", len(w.rows), e.Position, time.Now().Format("15:04:05"))))
	rows := make([][]string, len(w.rows))
	for i, r := range w.rows {
		rows[i] = w.line(r)
	}
	if len(w.vars) > 0 {
		w.app.fittedTable(w.vars, rows)
		return nil
	}
	for _, r := range rows {
		if _, err := fmt.Fprintln(w.app.Stdout, r[0]); err != nil {
			return err
		}
	}
	return nil
}
