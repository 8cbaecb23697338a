package consensus_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
)

// childDir, if set, makes the test binary a node that proposes until it is
// killed, and prints what was acknowledged.
const childDir = "PICLOUD_TEST_KILL_DIR"

// busy makes everything that a crash could disturb happen often.
func busy(c *consensus.Config) {
	c.SyncInterval = 3 * time.Millisecond
	c.SnapshotInterval = 5 * time.Millisecond
	c.SnapshotEntries = 20
	c.TrailingLogs = 10
}

func openKilled(dir string, f *fold) (*cluster, error) {
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(dir, "events"), SegmentBytes: 32 << 10})
	if err != nil {
		return nil, err
	}
	cfg := consensus.Config{Dir: filepath.Join(dir, "raft"), ID: "n1", Bootstrap: true}
	busy(&cfg)
	node, err := consensus.Open(cfg, log, f)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return &cluster{dir: dir, log: log, fold: f, node: node}, nil
}

// runChild is the child's main; false in the parent.
func runChild() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	if err := propose(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func propose(dir string) error {
	c, err := openKilled(dir, &fold{})
	if err != nil {
		return err
	}
	for l, changed := c.node.Leadership(); !l.Leading; l, changed = c.node.Leadership() {
		<-changed
	}
	l, _ := c.node.Leadership()
	d := &decider{node: c.node, term: l.Term, basis: c.log.Head().Position}
	failed := make(chan error)
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d.%d.%d", os.Getpid(), w, i)
				f := d.submit(1+i%3, []byte(id+strings.Repeat(" ", i%500)))
				if err := f.Err(); err != nil {
					failed <- err
					return
				}
				fmt.Printf("%d %s\n", f.Position(), id)
			}
		}()
	}
	return <-failed
}

func TestKilledNodeKeepsEveryAcknowledgedEventOnce(t *testing.T) {
	rounds := 15
	if os.Getenv("PICLOUD_LONG") == "1" {
		rounds = 300
	}
	dir, r := t.TempDir(), rand.New(rand.NewPCG(7, 7))
	acknowledged := map[string]uint64{}
	cuts, refilled := 0, uint64(0)
	for round := range rounds {
		runAndKill(t, dir, r.IntN(1500)+1, acknowledged)
		if round%2 == 1 {
			cuts++
			loseUnsynced(t, filepath.Join(dir, "events"), r)
		}
		refilled += checkAfterKill(t, dir, acknowledged)
	}
	t.Logf("%d kills, %d of them with the unsynced tail lost; %d acknowledged batches; %d positions filled again from Raft's log",
		rounds, cuts, len(acknowledged), refilled)
}

// runAndKill starts a node and kills it after it acknowledged some batches; at
// whatever it is doing then.
func runAndKill(t *testing.T, dir string, after int, acknowledged map[string]uint64) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	var stderr strings.Builder
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // what was printed before the kill counts, half a line does not
		}
		var position uint64
		var id string
		if _, err := fmt.Sscanf(line, "%d %s\n", &position, &id); err != nil {
			t.Fatalf("the child printed %q", line)
		}
		acknowledged[id] = position
		if n == after {
			if err := child.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v\n%s", err, stderr.String())
	}
}

// loseUnsynced cuts the newest segment somewhere after what was synced, as a
// power cut might.
func loseUnsynced(t *testing.T, dir string, r *rand.Rand) {
	t.Helper()
	segments, _ := filepath.Glob(filepath.Join(dir, "events-*.seg"))
	newest := segments[len(segments)-1]
	info, err := os.Stat(newest)
	if err != nil {
		t.Fatal(err)
	}
	least := int64(80) // the header of a segment is synced when it is made
	marks, err := os.ReadFile(filepath.Join(dir, "synced"))
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	for _, slot := range [][]byte{marks[:512], marks[512:]} {
		if strings.HasSuffix(newest, fmt.Sprintf("%020d.seg", le.Uint64(slot[16:]))) {
			least = max(least, int64(le.Uint64(slot[24:])))
		}
	}
	if err := os.Truncate(newest, least+r.Int64N(info.Size()-least+1)); err != nil {
		t.Fatal(err)
	}
}

// checkAfterKill opens what the child left, and gives how many positions came
// from Raft's log.
func checkAfterKill(t *testing.T, dir string, acknowledged map[string]uint64) uint64 {
	t.Helper()
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(dir, "events"), SegmentBytes: 32 << 10})
	if err != nil {
		t.Fatal(err)
	}
	before := log.Head().Position
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := openKilled(dir, &fold{})
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	c.lead(testContext(t))
	compare(t, c, acknowledged)
	after := c.log.Head().Position
	c.stop()
	return after - before
}

func compare(t *testing.T, c *cluster, acknowledged map[string]uint64) {
	t.Helper()
	if _, err := c.log.Verify(testContext(t)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]uint64{}
	rebuilt := &fold{}
	for b, err := range c.log.Read(0) {
		if err != nil {
			t.Fatal(err)
		}
		id := strings.TrimSpace(string(b.Payload))
		if at, twice := seen[id]; twice {
			t.Fatalf("%s is at %d and at %d", id, at, b.First)
		}
		seen[id] = b.First
		if err := rebuilt.Fold(b); err != nil {
			t.Fatal(err)
		}
	}
	for id, position := range acknowledged {
		if seen[id] != position {
			t.Fatalf("%s was acknowledged at %d and is at %d", id, position, seen[id])
		}
	}
	p, published, digest := c.fold.state()
	if _, _, want := rebuilt.state(); digest != want || p != published || p != c.log.Head().Position {
		t.Fatalf("the fold at %d (published %d) is not a rebuild from the log at %d", p, published, c.log.Head().Position)
	}
}
