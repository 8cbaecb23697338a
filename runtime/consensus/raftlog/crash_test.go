package raftlog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

const dir = "log"

// newDisk has the directory of the log.
func newDisk(r *rand.Rand) *faulty.Disk {
	d := faulty.New(r)
	if err := d.MkdirAll(dir, 0o700); err != nil {
		panic(err)
	}
	return d
}

// model is what the log must hold: certain is what was answered for, and each
// of also what a change that got no good answer may have left instead.
type model struct {
	certain []raft.Log
	also    [][]raft.Log
}

func settle(logs []raft.Log) model { return model{certain: logs} }

// same says how the store differs from logs; "" if it does not.
func same(s *raftlog.Store, logs []raft.Log) string {
	first, err1 := s.FirstIndex()
	last, err2 := s.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		return err.Error()
	}
	if len(logs) == 0 {
		if first != 0 || last != 0 {
			return fmt.Sprintf("it holds %d to %d, and should hold none", first, last)
		}
		return ""
	}
	if a, b := logs[0].Index, logs[len(logs)-1].Index; a != first || b != last {
		return fmt.Sprintf("it holds %d to %d, and should hold %d to %d", first, last, a, b)
	}
	for _, want := range logs {
		var got raft.Log
		if err := s.GetLog(want.Index, &got); err != nil {
			return err.Error()
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("entry %d is of term %d, %d bytes, and should be of term %d, %d bytes", got.Index, got.Term, len(got.Data), want.Term, len(want.Data))
		}
	}
	var none raft.Log
	for _, index := range []uint64{0, first - 1, last + 1} {
		if err := s.GetLog(index, &none); !errors.Is(err, raft.ErrLogNotFound) {
			return fmt.Sprintf("entry %d: %v", index, err)
		}
	}
	return ""
}

// find tells which of what the model allows the store holds, and fails if none.
func (m model) find(s *raftlog.Store) (model, error) {
	diff := same(s, m.certain)
	if diff == "" {
		return settle(m.certain), nil
	}
	for _, logs := range m.also {
		if same(s, logs) == "" {
			return settle(logs), nil
		}
	}
	return m, fmt.Errorf("%s (nor any of %d other possible ends)", diff, len(m.also))
}

// player plays a random schedule on a store.
type player struct {
	r     *rand.Rand
	d     *faulty.Disk
	s     *raftlog.Store
	m     model
	term  uint64
	fills int   // how often the disk was full
	size  int64 // of a segment; 0 means 3000
}

func config(d *faulty.Disk) raftlog.Config {
	return raftlog.Config{Dir: dir, SegmentBytes: 3000, RoomBytes: 4096, FS: d}
}

func (p *player) config() raftlog.Config {
	cfg := config(p.d)
	if p.size > 0 {
		cfg.SegmentBytes = p.size
	}
	return cfg
}

func (p *player) open() error {
	p.s = nil
	s, err := raftlog.Open(p.config())
	if err != nil {
		return err
	}
	p.s = s
	p.m, err = p.m.find(s)
	if err != nil {
		return fmt.Errorf("after a start: %w", err)
	}
	return nil
}

// errModel marks a broken promise; other errors of a step are the disk's.
var errModel = errors.New("broken promise")

func (p *player) step() error {
	switch n := p.r.IntN(20); {
	case n < 12:
		return p.store()
	case n < 14:
		return p.deleteHead()
	case n < 17:
		return p.deleteTail()
	case n < 18:
		return p.delete(0, 1<<40)
	case n < 19:
		return errors.Join(p.s.Close(), p.open())
	}
	return p.open() // as after a kill: what was written stays
}

func (p *player) store() error {
	p.term += uint64(p.r.IntN(2))
	next := uint64(1 + p.r.IntN(50))
	if n := len(p.m.certain); n > 0 {
		next = p.m.certain[n-1].Index + 1
	}
	logs := make([]*raft.Log, 1+p.r.IntN(4))
	for i := range logs {
		logs[i] = p.entry(next + uint64(i))
	}
	before, now := p.m.certain, p.m.certain[:len(p.m.certain):len(p.m.certain)]
	m := model{certain: before}
	for _, l := range logs {
		now = append(now, *l)
		m.also = append(m.also, now)
	}
	return p.answer(p.s.StoreLogs(logs), m, now)
}

// answer takes in how a change was answered.
func (p *player) answer(err error, uncertain model, now []raft.Log) error {
	if err == nil {
		p.m = settle(now)
	} else if p.s.Err() == nil {
		// Refused: all is as before, at least until the power goes.
		p.fills++
	} else {
		p.m = uncertain
		return err
	}
	if diff := same(p.s, p.m.certain); diff != "" {
		return fmt.Errorf("%w: after an answer (%v): %s", errModel, err, diff)
	}
	return err
}

func (p *player) entry(index uint64) *raft.Log {
	l := &raft.Log{Index: index, Term: p.term, Type: raft.LogType(p.r.IntN(6))}
	if n := []int{0, 200, 200, p.r.IntN(900)}[p.r.IntN(4)]; n > 0 {
		l.Data = make([]byte, n)
		for i := range l.Data {
			l.Data[i] = byte(p.r.Uint32() >> 8 * uint32(p.r.IntN(2)))
		}
	}
	if p.r.IntN(4) == 0 {
		l.Extensions = []byte("x")
	}
	if p.r.IntN(4) > 0 {
		l.AppendedAt = time.Unix(int64(index), int64(p.term)).UTC()
	}
	return l
}

func (p *player) deleteHead() error {
	if len(p.m.certain) == 0 {
		return nil
	}
	first := p.m.certain[0].Index
	return p.delete(first, first+uint64(p.r.IntN(len(p.m.certain))))
}

func (p *player) deleteOne() error {
	first := p.m.certain[0].Index
	return p.delete(first, first)
}

func (p *player) deleteTail() error {
	n := len(p.m.certain)
	if n == 0 {
		return nil
	}
	last := p.m.certain[n-1].Index
	return p.delete(last-uint64(p.r.IntN(min(n, 5))), last)
}

func (p *player) delete(from, to uint64) error {
	var now []raft.Log
	for _, l := range p.m.certain {
		if l.Index < from || l.Index > to {
			now = append(now, l)
		}
	}
	err := p.s.DeleteRange(from, to)
	if err != nil && p.s.Err() == nil && same(p.s, now) == "" {
		// Done, but a segment could not be removed: it only takes room.
		p.m = settle(now)
		return err
	}
	return p.answer(err, model{certain: p.m.certain, also: [][]raft.Log{now}}, now)
}

func seeds() uint64 {
	if os.Getenv("PICLOUD_LONG") == "1" {
		return 400
	}
	return 4
}

// The power goes at each single change and sync of a schedule; then the log is
// opened, checked, and the schedule goes on to another cut and a last check.
func TestPowerCutAtEveryPointLosesNothingAnswered(t *testing.T) {
	cuts, torn := 0, 0
	for seed := range seeds() {
		for at := 1; ; at++ {
			p := &player{r: rand.New(rand.NewPCG(seed, 1))}
			p.d = newDisk(p.r)
			p.d.CutAt(at)
			went, err := p.playUntilCut(40)
			if err == nil && !went {
				break // the schedule is shorter than that
			}
			for again := 0; err == nil && again < 3; again++ {
				cuts++
				p.d = p.d.After()
				p.d.CutAt([]int{1 + p.r.IntN(12), 1 + p.r.IntN(60), 0}[again]) // in the recovery, too
				if _, err = p.playUntilCut(15); p.s != nil && p.s.Recovered().Cut() {
					torn++
				}
			}
			if err != nil {
				t.Fatalf("seed %d, power cut at %d: %v", seed, at, err)
			}
		}
	}
	t.Logf("%d power cuts, %d torn tails", cuts, torn)
}

// playUntilCut opens and plays; an error is a broken promise.
func (p *player) playUntilCut(steps int) (went bool, err error) {
	p.s = nil
	err = p.open()
	for i := 0; err == nil && i < steps; i++ {
		err = p.step()
	}
	if errors.Is(err, faulty.ErrPower) && !errors.Is(err, errModel) {
		return true, nil
	}
	return false, err
}

// One write or sync fails, at each point, or some in a row; the process ends,
// or the power goes too.
func TestFailureAtEveryPointLosesNothingAnswered(t *testing.T) {
	refused := 0
	for seed := range seeds() {
		for at := 1; ; at++ {
			p := &player{r: rand.New(rand.NewPCG(seed, 2))}
			p.d = newDisk(p.r)
			p.d.FailAt(at, 1+p.r.IntN(4))
			hit, err := p.playThroughFailure(40)
			if err != nil {
				t.Fatalf("seed %d, failure at %d: %v", seed, at, err)
			}
			if !hit {
				break // the schedule is shorter than that
			}
			refused += p.fills
		}
	}
	t.Logf("%d changes were refused without harm", refused)
}

// playThroughFailure opens and plays; an error is a broken promise.
func (p *player) playThroughFailure(steps int) (hit bool, err error) {
	err = p.open()
	for range steps {
		hit = hit || errors.Is(err, faulty.ErrIO)
		switch {
		case errors.Is(err, errModel), err != nil && !errors.Is(err, faulty.ErrIO):
			return hit, err
		case err == nil, p.s != nil && p.s.Err() == nil:
			err = p.step() // the store goes on, even after a refusal
			continue
		}
		if p.r.IntN(2) == 0 {
			p.d = p.d.After()
		}
		p.d.FailAt(0, 0)
		err = p.open()
	}
	if err != nil && !errors.Is(err, faulty.ErrIO) {
		return hit, err
	}
	return hit || err != nil, p.endWithCut()
}

// endWithCut takes the power and looks whether all is there.
func (p *player) endWithCut() error {
	p.d = p.d.After()
	return p.open()
}

// A full disk refuses entries and harms nothing, still takes deletions, and
// room brings the log back.
func TestFullDiskRefusesAndStillForgets(t *testing.T) {
	refused := 0
	for seed := range seeds() * 10 {
		p := &player{r: rand.New(rand.NewPCG(seed, 3)), size: int64(seed%2) * 100_000}
		p.d = newDisk(p.r)
		p.d.SetCapacity(8192 + int64(p.r.IntN(40_000)))
		err := p.open()
		for range 60 {
			if err != nil && (errors.Is(err, errModel) || p.s.Err() != nil) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			err = p.step()
		}
		p.d.SetCapacity(p.d.Used())
		for n := p.fills; p.fills == n; {
			if err := p.store(); err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for i := 0; len(p.m.certain) > 1 && i < 40; i++ {
			if err := p.deleteOne(); err != nil {
				t.Fatalf("seed %d: a deletion was refused: %v", seed, err)
			}
		}
		p.d.SetCapacity(0)
		if err := p.store(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := p.endWithCut(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		refused += p.fills
	}
	if refused == 0 {
		t.Error("the disk was never full")
	}
	t.Logf("%d changes were refused", refused)
}
