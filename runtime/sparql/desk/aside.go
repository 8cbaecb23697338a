package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// Aside puts work on the list that waits for something other than its turn, such
// as for other changes of what it changes. It takes no place and counts for no
// bound. Its context ends when ctx does or when somebody ends the work; under it
// the work may Enter with the same id, once or several times, and is listed as
// that meanwhile. Whoever is aside calls leave when nothing more is to come. The
// error is a *base.Error (Conflict): that id is aside already.
func (d *Desk) Aside(ctx context.Context, w Work) (aside context.Context, leave func(), err error) {
	e := &Entry{desk: d, work: w, meter: sparql.NewMeter(d.pool), asked: time.Now()}
	e.work.Text = excerpt(w.Text)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.aside[w.ID] != nil {
		return nil, nil, &base.Error{Code: base.Conflict, Detail: fmt.Sprintf("there is work with the id %s already", w.ID)}
	}
	e.ctx, e.cancel = context.WithCancelCause(ctx)
	d.aside[w.ID] = e
	return e.ctx, func() {
		d.mu.Lock()
		delete(d.aside, w.ID)
		d.mu.Unlock()
		e.cancel(nil)
	}, nil
}

// find is the work with an id, at the desk or aside. It is called with d.mu held.
func (d *Desk) find(id string) *Entry {
	if e := d.entries[id]; e != nil {
		return e
	}
	return d.aside[id]
}
