package sparql

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// row is a solution: the id of each slot's term, 0 where unbound. One row is
// shared by the operators of a nested loop: each binds its slots, hands the row
// on, and unbinds them again.
type row []rdf.ID

// exec is the state of one execution. It is used by one goroutine.
type exec struct {
	budget
	snapshot *rdf.Snapshot
	defaults graphSet
	named    graphSet
	explain  bool
	tune     tuning

	// last is the greatest id of the snapshot; the ids above it are terms that
	// this query computed or mentioned.
	last  rdf.ID
	local paged[base.Term]
	index map[base.Term]rdf.ID
	// pinned is how many of the local terms stay whatever forget is told.
	pinned int

	values []cachedValue
	misses int // of values
	now    value.Value
	// solution numbers the rows whose expressions are computed together, for
	// BNODE; the others make its labels.
	solution    int
	blanks      map[string]value.Value
	blanksOf    int // the solution that blanks belong to
	blankPrefix string
	blankCount  int

	// tables are the hash sides that do not depend on a row.
	tables map[*hashSide]*rowTable
}

type cachedValue struct {
	id    rdf.ID
	value value.Value
}

// How many interpreted terms are kept: few at first, and the most once that has
// turned out to be too little; powers of two.
const (
	fewValues  = 16
	manyValues = 256
	valueCost  = 144
)

func newExec(ctx context.Context, d Dataset, l Limits) *exec {
	now := time.Now()
	l = l.withDefaults()
	e := &exec{budget: budget{ctx: ctx, limits: l, deadline: now.Add(l.Timeout), steps: checkEvery}, snapshot: d.Snapshot,
		defaults: newGraphSet(d.Default), named: newGraphSet(d.Named),
		local: newPaged[base.Term](1), now: value.DateTimeOf(now.Truncate(time.Millisecond))}
	if e.snapshot == nil {
		e.snapshot = rdf.NewStore().Snapshot()
	}
	e.last = rdf.ID(e.snapshot.Terms())
	e.last = max(e.last, rdf.DefaultGraph)
	return e
}

// isLocal reports an id that stands for no term of the snapshot.
func (e *exec) isLocal(id rdf.ID) bool { return id > e.last }

// term decodes an id.
func (e *exec) term(id rdf.ID) base.Term {
	if id > e.last {
		return e.local.at(int(id - e.last - 1))[0]
	}
	return e.snapshot.Term(id)
}

// intern gives a term its id, so that two ids of one execution are equal
// exactly when their terms are. 0 means that the budget is spent.
func (e *exec) intern(t base.Term) rdf.ID {
	if id, ok := e.index[t]; ok {
		return id
	}
	if id, ok := e.snapshot.Lookup(t); ok && id <= e.last {
		return id
	}
	if !e.charge(termCost(t)) {
		return 0
	}
	if e.index == nil {
		e.index = map[base.Term]rdf.ID{}
	}
	e.local.extend()[0] = t
	id := e.last + rdf.ID(e.local.size)
	e.index[t] = id
	return id
}

// termCost is what a local term costs: its place in the list and in the index,
// which grow by doubling, and its text.
func termCost(t base.Term) int { return 240 + len(t.Value) + len(t.Lang) }

// forget drops the local terms from number mark on. No row that is kept may
// have their ids.
func (e *exec) forget(mark int) {
	for i := e.local.size - 1; i >= max(mark, e.pinned); i-- {
		t := e.local.at(i)[0]
		delete(e.index, t)
		e.release(termCost(t))
		e.local.cut(i)
		if id := e.last + rdf.ID(i+1); e.values != nil && e.cached(id).id == id {
			*e.cached(id) = cachedValue{}
		}
	}
}

// value interprets an id's term.
func (e *exec) value(id rdf.ID) value.Value {
	if e.values == nil {
		e.keepValues(fewValues)
	}
	c := e.cached(id)
	if c.id != id {
		if e.misses++; e.misses == 2*fewValues {
			e.keepValues(manyValues)
			c = e.cached(id)
		}
		*c = cachedValue{id, value.Of(e.term(id))}
	}
	return c.value
}

func (e *exec) keepValues(n int) {
	e.charge(n * valueCost)
	e.values = make([]cachedValue, n)
}

// cached is the place of an id among the values.
func (e *exec) cached(id rdf.ID) *cachedValue { return &e.values[int(id)&(len(e.values)-1)] }

// blank makes a blank node that no graph has. Its label is random: one that
// made way for the labels of the snapshot would tell of graphs that may not be
// read.
func (e *exec) blank() value.Value {
	if e.blankPrefix == "" {
		var b [8]byte
		rand.Read(b[:])
		e.blankPrefix = "q" + hex.EncodeToString(b[:]) + "x"
	}
	e.blankCount++
	return value.Of(base.Blank(e.blankPrefix + strconv.Itoa(e.blankCount)))
}

// blankFor is BNODE(label): the same node for the same label within one
// solution (section 17.4.2.9).
func (e *exec) blankFor(label string) value.Value {
	if e.blanksOf != e.solution {
		clear(e.blanks)
		e.blanksOf = e.solution
	}
	v, ok := e.blanks[label]
	if !ok {
		if e.blanks == nil {
			e.blanks = map[string]value.Value{}
		}
		v = e.blank()
		e.blanks[label] = v
	}
	return v
}
