package sparql

import (
	"context"
	"slices"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
)

// TestTablesFindTheirRowsWhileTheyGrow adds rows, some with the key of an
// earlier one, until a table has many segments, and looks each of them up.
func TestTablesFindTheirRowsWhileTheyGrow(t *testing.T) {
	const rows, keys = 300_000, 100_000
	e := newExec(context.Background(), Dataset{}, Limits{})
	table := newRowTable(e, 3, 2)
	for i := range rdf.ID(rows) {
		if !table.add(row{i % keys, 7, i}) {
			t.Fatal(e.err)
		}
	}
	for k := range rdf.ID(keys) {
		var found []rdf.ID
		key := row{k, 7}
		for i := table.first(key); i >= 0; i = table.after(key, i) {
			found = append(found, table.row(i)[2])
		}
		slices.Sort(found)
		if !slices.Equal(found, row{k, k + keys, k + 2*keys}) {
			t.Fatalf("key %d has the rows %v", k, found)
		}
	}
	if i := table.first(row{keys, 7}); i >= 0 {
		t.Errorf("a key that was not added has row %d", i)
	}
	if table.free(); e.memory != 0 {
		t.Errorf("%d bytes are still charged", e.memory)
	}
}

// TestNothingThatIsKeptIsCopiedAsAWhole looks at the largest piece of what
// large tables are made of.
func TestNothingThatIsKeptIsCopiedAsAWhole(t *testing.T) {
	const most = 1 << 20
	e := newExec(context.Background(), Dataset{}, Limits{})
	table := newRowTable(e, 2, 2)
	for i := range rdf.ID(1_000_000) {
		table.insert(row{i, i})
	}
	for _, page := range table.rows.pages {
		if 4*cap(page) > most {
			t.Fatalf("a page of rows has %d bytes", 4*cap(page))
		}
	}
	for _, s := range table.segments {
		if 4*cap(s.heads) > most {
			t.Fatalf("a segment has %d bytes", 4*cap(s.heads))
		}
	}
}

func TestPagesKeepWhatTheyAreGiven(t *testing.T) {
	for _, width := range []int{0, 1, 3, 500, 20_000} {
		p := newPaged[int](width)
		fill := func(from, to int) {
			for i := from; i < to; i++ {
				for j, v := range p.extend() {
					if v != 0 {
						t.Fatalf("width %d: place %d is not empty", width, i)
					}
					p.at(i)[j] = i + j
				}
			}
		}
		fill(0, 9000/(width+1)+5)
		p.cut(3)
		fill(3, 9000/(width+1)+9)
		for i := range p.size {
			for j, v := range p.at(i) {
				if v != i+j {
					t.Fatalf("width %d: value %d of place %d is %d", width, j, i, v)
				}
			}
		}
	}
}
