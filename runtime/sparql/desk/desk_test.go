package desk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

func enter(t *testing.T, d *desk.Desk, caller string) *desk.Entry {
	t.Helper()
	e, err := d.Enter(t.Context(), desk.Work{Caller: base.Ref(caller), Kind: desk.Query, Text: "ASK {}"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// queue enters in a goroutine and waits until it waits.
func queue(t *testing.T, d *desk.Desk, caller string) <-chan *desk.Entry {
	t.Helper()
	got := make(chan *desk.Entry, 1)
	go func() {
		e, err := d.Enter(t.Context(), desk.Work{Caller: base.Ref(caller)})
		if ended := new(desk.Ended); err != nil && !errors.As(err, &ended) {
			t.Error(err)
		}
		got <- e
	}()
	synctest.Wait()
	return got
}

func unavailable(err error) *base.Error {
	var e *base.Error
	if errors.As(err, &e) && e.Code == base.Unavailable && e.RetryAfter > 0 {
		return e
	}
	return nil
}

func TestNoMoreRunThanMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk.New(desk.Config{Running: 2, RunningPerCaller: 2, Waiting: 1, WaitingPerCaller: 1})
		first, second := enter(t, d, "/a"), enter(t, d, "/b")
		third := queue(t, d, "/c")
		if running, waiting := d.Count(); running != 2 || waiting != 1 {
			t.Fatalf("%d run and %d wait, want 2 and 1", running, waiting)
		}
		_, err := d.Enter(t.Context(), desk.Work{Caller: "/d"})
		if e := unavailable(err); e == nil || !strings.Contains(e.Detail, "2 queries run and 1 wait") {
			t.Errorf("the fourth got %v", err)
		}
		first.Leave(nil)
		(<-third).Leave(nil)
		second.Leave(nil)
		second.Leave(nil)
		if running, waiting := d.Count(); running != 0 || waiting != 0 || len(d.List()) != 0 {
			t.Errorf("%d run and %d wait after all left", running, waiting)
		}
	})
}

func TestOneCallerCannotTakeAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk.New(desk.Config{Running: 4, Waiting: 8})
		enter(t, d, "/greedy")
		enter(t, d, "/greedy")
		for range 4 {
			queue(t, d, "/greedy")
		}
		if running, waiting := d.Count(); running != 2 || waiting != 4 {
			t.Fatalf("%d run and %d wait, want 2 and 4", running, waiting)
		}
		if _, err := d.Enter(t.Context(), desk.Work{Caller: "/greedy"}); unavailable(err) == nil || !strings.Contains(err.Error(), "of yours") {
			t.Errorf("one caller fills the queue: %v", err)
		}
		enter(t, d, "/other").Leave(nil) // at once, although four waited longer
		for _, s := range d.List() {
			d.End(s.ID, "/greedy")
		}
		synctest.Wait()
	})
}

func TestAPlaceIsKeptForWhoHasNoneRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk.New(desk.Config{Running: 4, Waiting: 8})
		first := enter(t, d, "/a")
		enter(t, d, "/a")
		enter(t, d, "/b")
		more := queue(t, d, "/b")
		if running, waiting := d.Count(); running != 3 || waiting != 1 {
			t.Fatalf("%d run and %d wait, want 3 and 1", running, waiting)
		}
		bystander := enter(t, d, "/c") // at once
		later := queue(t, d, "/d")     // the kept place is taken
		bystander.Leave(nil)
		synctest.Wait()
		select {
		case e := <-later:
			e.Leave(nil)
		default:
			t.Error("the kept place did not go to who had none")
		}
		first.Leave(nil)
		(<-more).Leave(nil)
	})
}

func TestAPlaceGoesToWhoHasTheFewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk.New(desk.Config{Running: 2, RunningPerCaller: 2, Waiting: 8, WaitingPerCaller: 8})
		leaves := enter(t, d, "/b")
		stays := enter(t, d, "/a")
		again, later := queue(t, d, "/a"), queue(t, d, "/c")
		leaves.Leave(nil)
		synctest.Wait()
		select {
		case e := <-later:
			e.Leave(nil)
		default:
			t.Error("who has one running comes before who has none")
		}
		(<-again).Leave(nil)
		stays.Leave(nil)
	})
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reasons []desk.Reason
		d := desk.New(desk.Config{Running: 1, Patience: 5 * time.Second, Departed: func(g desk.Departure) { reasons = append(reasons, g.Reason) }})
		runs := enter(t, d, "/a")
		began := time.Now()
		if _, err := d.Enter(t.Context(), desk.Work{Caller: "/b"}); unavailable(err) == nil || time.Since(began) != 5*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := d.Enter(ctx, desk.Work{Caller: "/b"}); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who left got %v", err)
		}
		time.AfterFunc(time.Second, func() { d.End("mine", "/tokens/admin") })
		_, err := d.Enter(t.Context(), desk.Work{ID: "mine", Caller: "/b"})
		var ended *desk.Ended
		if !errors.As(err, &ended) || ended.By != "/tokens/admin" {
			t.Errorf("who was ended while waiting got %v", err)
		}
		runs.Leave(nil)
		if want := fmt.Sprint([]desk.Reason{desk.Impatient, desk.Left, desk.Stopped, desk.Done}); fmt.Sprint(reasons) != want {
			t.Errorf("left for %v, want %s", reasons, want)
		}
		enter(t, d, "/c").Leave(nil) // the place is free again
	})
}

func TestWhatIsEndedSaysByWhom(t *testing.T) {
	d := desk.New(desk.Config{})
	e := enter(t, d, "/tokens/a")
	e.At(42)
	s, ok := d.Find(e.ID())
	if !ok || s.State != desk.Running || s.Position != 42 || s.Caller != "/tokens/a" || s.Text != "ASK {}" {
		t.Errorf("found %+v", s)
	}
	if !d.End(e.ID(), "/tokens/admin") || d.End("another", "/tokens/admin") {
		t.Error("End does not know what runs")
	}
	if s, _ = d.Find(e.ID()); s.State != desk.Ending {
		t.Errorf("it is %s after its end", s.State)
	}
	q, err := sparql.Parse("ASK {}", sparql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sparql.Execute(e.Context(), q, sparql.Dataset{}, e.Limits(sparql.Limits{}))
	if err == nil || err.Error() != "it was ended by /tokens/admin" {
		t.Errorf("the query says %v", err)
	}
	e.Leave(err)
}

func TestAnIdIsTakenOnce(t *testing.T) {
	d := desk.New(desk.Config{})
	first, err := d.Enter(t.Context(), desk.Work{ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Enter(t.Context(), desk.Work{ID: "x"}); err == nil {
		t.Error("two with one id are on the list")
	}
	first.Leave(nil)
}

// TestTheDeskHoldsUnderManyCallersAtOnce has every promise looked at while 64
// goroutines enter and leave.
func TestTheDeskHoldsUnderManyCallersAtOnce(t *testing.T) {
	d := desk.New(desk.Config{Running: 4, RunningPerCaller: 2, Waiting: 100, WaitingPerCaller: 100})
	var mu sync.Mutex
	running, most := map[base.Ref]int{}, 0
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			caller := base.Ref(fmt.Sprint("/", i%5))
			for range 50 {
				e, err := d.Enter(t.Context(), desk.Work{Caller: caller})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				running[caller]++
				sum := 0
				for _, n := range running {
					sum += n
				}
				if most = max(most, sum); sum > 4 || running[caller] > 2 {
					t.Errorf("%d run, %d of them for %s", sum, running[caller], caller)
				}
				mu.Unlock()
				d.List()
				mu.Lock()
				running[caller]--
				mu.Unlock()
				e.Leave(nil)
			}
		})
	}
	all.Wait()
	t.Logf("at most %d ran at once", most)
}

func TestAnExcerptIsShortAndOnOneLine(t *testing.T) {
	d := desk.New(desk.Config{})
	e, err := d.Enter(t.Context(), desk.Work{Text: "SELECT *\n\t{ ?s ?p\xff ?o }" + strings.Repeat(" é", 10_000)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Leave(nil)
	text := d.List()[0].Text
	if !strings.HasPrefix(text, "SELECT * { ?s ?p\uFFFD ?o } é") || len([]rune(text)) != 500 {
		t.Errorf("%d runes: %s", len([]rune(text)), text)
	}
}
