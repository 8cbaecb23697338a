package catchup_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/picloud/picloud/runtime/catchup"
	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	segmentBytes = 1200
	small        = 400 // two entries
)

func openLog(t testing.TB, dir string, size int64) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(eventlog.Config{Dir: dir, SegmentBytes: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// add appends Raft entries of one batch of two events and one of one.
func add(t testing.TB, l *eventlog.Log, entries int, salt string) {
	t.Helper()
	for range entries {
		h := l.Head()
		at := time.Unix(int64(h.Index)+1, 0)
		_, err := l.Append(h.Index+1, []eventlog.Batch{
			{Count: 2, Time: at, Payload: fmt.Appendf(nil, "%s %d", salt, h.Position+1)},
			{Count: 1, Time: at, Payload: bytes.Repeat([]byte(salt), int(h.Position)%50)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// member serves a log over HTTP; its name is its address.
func member(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func puller(t testing.TB, l *eventlog.Log, peers ...string) *catchup.Puller {
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return catchup.New(catchup.Config{
		Client: client,
		Peers:  func() []string { return peers },
		URL:    func(peer string) string { return "http://" + peer + catchup.Path },
		Head:   l.Head,
		Accept: func(_ context.Context, index uint64, b []eventlog.Batch) error {
			_, err := l.Append(index, b)
			return err
		},
	})
}

// minute bounds what should take an instant.
func minute(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// same compares the files of two logs; the newest of both must have been synced.
func same(t *testing.T, a, b string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(a, "events-*"))
	if err != nil || len(names) == 0 {
		t.Fatal("no segments", err)
	}
	for _, name := range names {
		one, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(filepath.Join(b, filepath.Base(name)))
		if err != nil || sha256.Sum256(one) != sha256.Sum256(two) {
			t.Errorf("%s differs: %d and %d bytes, %v", filepath.Base(name), len(one), len(two), err)
		}
	}
}

func TestCaughtUpLogIsTheSameBytes(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	source, target := openLog(t, from, segmentBytes), openLog(t, to, segmentBytes)
	peer := member(t, catchup.Handler(source))
	pull := puller(t, target, peer)
	for range 5 {
		add(t, source, 20, "a")
		if err := pull.To(minute(t), source.Head().Position-10); err != nil {
			t.Fatal(err)
		}
		if got, want := target.Head().Position, source.Head().Position-9; got != want {
			t.Fatalf("caught up to %d, the entry ends at %d", got, want)
		}
		if err := pull.To(minute(t), source.Head().Position); err != nil {
			t.Fatal(err)
		}
	}
	if target.Head() != source.Head() {
		t.Fatalf("%+v is not %+v", target.Head(), source.Head())
	}
	same(t, from, to)
	if n := pull.Bytes(); n == 0 {
		t.Error("no bytes were counted")
	}
}

// cutting answers like h and cuts each answer after some bytes.
type cutting struct {
	h     http.Handler
	after func() int
}

func (c cutting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.h.ServeHTTP(&cutWriter{w, c.after()}, r)
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b[:min(len(b), w.left)])
	if w.left -= n; err == nil && n < len(b) {
		if err := http.NewResponseController(w.ResponseWriter).Flush(); err != nil {
			return n, err
		}
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func TestConnectionCutAtAnyByteIsGoneOnFrom(t *testing.T) {
	source := inMemory(t)
	add(t, source, 3, "abc")
	var cut, calls int
	peer := member(t, cutting{catchup.Handler(source), func() int {
		if calls++; calls > 1 {
			return 1 << 30
		}
		return cut
	}})
	whole := member(t, catchup.Handler(source))
	want := raw(t, source)
	for cut = range len(want) + 1 {
		calls = 0
		target := inMemory(t)
		if err := puller(t, target, peer, whole).To(minute(t), source.Head().Position); err != nil {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
		if !bytes.Equal(raw(t, target), want) {
			t.Fatalf("cut after %d bytes: the log is another one", cut)
		}
	}
}

// inMemory is a log of small segments that no disk slows down.
func inMemory(t testing.TB) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(eventlog.Config{Dir: "/log", SegmentBytes: small, FS: faulty.New(rand.New(rand.NewPCG(1, 2)))})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// raw is the log as bytes.
func raw(t testing.TB, l *eventlog.Log) []byte {
	t.Helper()
	var all []byte
	for r := l.Raw(0); ; {
		out, _, _, err := r.Next(all)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		all = out
	}
}

// tampering flips one bit of each answer.
type tampering struct {
	h  http.Handler
	at *int
}

func (c tampering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	body := rec.Body.Bytes()
	if at := *c.at; at < len(body) {
		body[at] ^= 1 << (at % 8)
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(body)
}

func TestTamperedBytesNeverReachTheLog(t *testing.T) {
	source := inMemory(t)
	add(t, source, 3, "abc")
	var at int
	bad, good := member(t, tampering{catchup.Handler(source), &at}), member(t, catchup.Handler(source))
	want := raw(t, source)
	for at = range want {
		target := inMemory(t)
		if err := puller(t, target, bad, good).To(minute(t), source.Head().Position); err != nil {
			t.Fatalf("bit of byte %d: %v", at, err)
		}
		if !bytes.Equal(raw(t, target), want) {
			t.Fatalf("bit of byte %d: the log is another one", at)
		}
	}
}

func TestPeerWithAnotherHistoryIsRefusedAndNamed(t *testing.T) {
	ours, theirs, third := openLog(t, t.TempDir(), segmentBytes), openLog(t, t.TempDir(), segmentBytes), openLog(t, t.TempDir(), segmentBytes)
	add(t, ours, 10, "ours")
	add(t, theirs, 20, "theirs")
	peer := member(t, catchup.Handler(theirs))
	err := puller(t, ours, peer).To(minute(t), theirs.Head().Position)
	var diverged *eventlog.DivergedError
	if !errors.As(err, &diverged) {
		t.Fatal(err)
	}
	at, derr := theirs.DigestAt(ours.Head().Position)
	if derr != nil {
		t.Fatal(derr)
	}
	for _, digest := range []eventlog.Digest{ours.Head().Digest, at} {
		if !strings.Contains(err.Error(), digest.String()) {
			t.Errorf("%q does not name %s", err, digest)
		}
	}
	// A peer with the same history helps, whoever else there is.
	add(t, third, 20, "ours")
	if err := puller(t, ours, peer, member(t, catchup.Handler(third))).To(minute(t), third.Head().Position); err != nil {
		t.Fatal(err)
	}
	if ours.Head() != third.Head() {
		t.Error("not caught up")
	}
}

func TestUnreachableAndShorterPeersAreGoneRound(t *testing.T) {
	source, short, target := openLog(t, t.TempDir(), segmentBytes), openLog(t, t.TempDir(), segmentBytes), openLog(t, t.TempDir(), segmentBytes)
	add(t, source, 30, "a")
	add(t, short, 10, "a")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := nobody.Addr().String()
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	garbage := member(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome</html>") }))
	peers := []string{dead, garbage, member(t, catchup.Handler(short)), member(t, catchup.Handler(source))}
	if err := puller(t, target, peers...).To(minute(t), source.Head().Position); err != nil {
		t.Fatal(err)
	}
	if target.Head() != source.Head() {
		t.Error("not caught up")
	}
}

func TestPullEndsWithItsContext(t *testing.T) {
	target := openLog(t, t.TempDir(), segmentBytes)
	asked := make(chan struct{}, 1)
	stopped := errors.New("stopped")
	peer := member(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancelCause(minute(t))
	done := make(chan error, 1)
	go func() { done <- puller(t, target, peer).To(ctx, 5) }()
	<-asked
	cancel(stopped)
	if err := <-done; !errors.Is(err, stopped) {
		t.Error(err)
	}
}

func TestPullKeepsUpWithAnAppender(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	source, target := openLog(t, from, 8<<10), openLog(t, to, 8<<10)
	pull := puller(t, target, member(t, catchup.Handler(source)))
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		defer done.Store(true)
		for range 50 {
			add(t, source, 20, "live")
		}
	})
	for !done.Load() || target.Head() != source.Head() {
		if err := pull.To(minute(t), source.Head().Position); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	same(t, from, to)
}

func TestAcceptFailureEndsThePull(t *testing.T) {
	source := openLog(t, t.TempDir(), segmentBytes)
	add(t, source, 3, "a")
	broken := errors.New("input/output error")
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	peer := member(t, catchup.Handler(source))
	p := catchup.New(catchup.Config{
		Client: client,
		Peers:  func() []string { return []string{peer} },
		URL:    func(peer string) string { return "http://" + peer },
		Head:   func() eventlog.Head { return eventlog.Head{Time: time.Unix(0, 0).UTC()} },
		Accept: func(context.Context, uint64, []eventlog.Batch) error { return broken },
	})
	if err := p.To(minute(t), 9); err != broken {
		t.Error(err)
	}
}

func TestBadQuestionsAreAnswered(t *testing.T) {
	l := openLog(t, t.TempDir(), segmentBytes)
	add(t, l, 3, "a")
	zero := strings.Repeat("0", 64)
	for question, want := range map[string]int{
		"":                                   http.StatusBadRequest,
		"?after=-1&digest=" + zero:           http.StatusBadRequest,
		"?after=0&digest=12":                 http.StatusBadRequest,
		"?after=0&until=x&digest=" + zero:    http.StatusBadRequest,
		"?after=1000&digest=" + zero:         http.StatusNotFound,
		"?after=3&digest=" + zero:            http.StatusConflict,
		"?after=1&digest=" + zero:            http.StatusConflict, // inside a batch
		"?after=0&digest=" + zero:            http.StatusOK,
		"?after=0&until=1&digest=" + zero:    http.StatusOK,
		"?after=0&until=9999&digest=" + zero: http.StatusOK,
	} {
		w := httptest.NewRecorder()
		catchup.Handler(l).ServeHTTP(w, httptest.NewRequest(http.MethodGet, catchup.Path+question, nil))
		if w.Code != want {
			t.Errorf("%s: %d %s", question, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	catchup.Handler(l).ServeHTTP(w, httptest.NewRequest(http.MethodPost, catchup.Path, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
}

func TestDamagedLogIsHealedFromAPeerThatHasIt(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	source := openLog(t, from, segmentBytes)
	add(t, source, 40, "a")
	other := openLog(t, t.TempDir(), segmentBytes)
	add(t, other, 40, "b")
	target := openLog(t, to, segmentBytes)
	if err := puller(t, target, member(t, catchup.Handler(source))).To(minute(t), source.Head().Position); err != nil {
		t.Fatal(err)
	}
	if err := target.Archive(minute(t)); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(to, "events-*"))
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	for i, name := range names[:len(names)-1] {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content[90] ^= 1
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := puller(t, target).Heal(minute(t), target); !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), "no other member") {
				t.Fatal("nobody can help, but:", err)
			}
		}
	}
	ctx, cancel := context.WithCancel(minute(t))
	mended := make(chan struct{})
	go func() {
		defer close(mended)
		puller(t, target, "127.0.0.1:1", member(t, catchup.Handler(other)), member(t, catchup.Handler(source))).Mend(ctx, target)
	}()
	defer func() { cancel(); <-mended }()
	for { // a reader meets the damage; the log heals by itself
		if head, err := target.Verify(minute(t)); err == nil {
			if head != source.Head() {
				t.Errorf("%+v is not %+v", head, source.Head())
			}
			return
		}
		for _, err := range target.Read(0) {
			if err != nil && !errors.Is(err, eventlog.ErrCorrupt) {
				t.Fatal(err)
			}
		}
		runtime.Gosched()
	}
}

// A peer that dropped and compressed what is old brings others up like any other.
func TestCompactedPeerBringsOthersUp(t *testing.T) {
	source := openLog(t, t.TempDir(), segmentBytes)
	add(t, source, 60, "a")
	through := source.Compactable(time.Unix(1<<31, 0))
	if err := source.Compact(minute(t), eventlog.Compaction{
		Through: through,
		Note:    func(eventlog.Batch) error { return nil },
		Judge: func(b eventlog.Batch) ([]byte, eventlog.Fate) {
			if b.First%2 == 0 {
				return nil, eventlog.Keep
			}
			return []byte("left"), eventlog.Drop
		},
	}); err != nil {
		t.Fatal(err)
	}
	// One that has nothing, and one that has the first part as it was.
	for _, had := range []int{0, 10} {
		target := openLog(t, t.TempDir(), segmentBytes)
		add(t, target, had, "a")
		if err := puller(t, target, member(t, catchup.Handler(source))).To(minute(t), source.Head().Position); err != nil {
			t.Fatal(err)
		}
		if head, err := target.Verify(minute(t)); err != nil || head != source.Head() {
			t.Fatalf("%+v, %v", head, err)
		}
		// Segments begin at the same places on both.
		add(t, source, 20, "more")
		add(t, target, 20, "more")
		if a, b := source.Compactable(time.Unix(1<<31, 0)), target.Compactable(time.Unix(1<<31, 0)); a != b || source.Head() != target.Head() {
			t.Errorf("segments begin after %d and %d", a, b)
		}
		dropped := 0
		for b, err := range target.Read(0) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Dropped && string(b.Payload) == "left" {
				dropped++
			}
		}
		if dropped == 0 {
			t.Error("nothing was dropped")
		}
	}
}

// Readers are shown what came when the pull would wait, not with each entry.
func TestPullSettlesWhenNothingIsAtHand(t *testing.T) {
	source, target := inMemory(t), inMemory(t)
	add(t, source, 300, "a")
	settled, entries, times := uint64(0), 0, 0
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	peer := member(t, catchup.Handler(source))
	p := catchup.New(catchup.Config{
		Client: client, Peers: func() []string { return []string{peer} },
		URL:  func(peer string) string { return "http://" + peer },
		Head: target.Head,
		Accept: func(_ context.Context, index uint64, b []eventlog.Batch) error {
			entries++
			_, err := target.Append(index, b)
			return err
		},
		Settle: func() { times++; settled = target.Head().Position },
	})
	if err := p.To(minute(t), source.Head().Position); err != nil {
		t.Fatal(err)
	}
	if settled != source.Head().Position || times > entries/3 {
		t.Errorf("settled %d times in %d entries, at %d", times, entries, settled)
	}
}
