package node_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/node"
	"github.com/picloud/picloud/runtime/state"
)

// childDir and childRound tell this test's binary to be a node that writes
// until it is killed.
const (
	childDir   = "PICLOUD_TEST_CHILD_DIR"
	childRound = "PICLOUD_TEST_CHILD_ROUND"
	writers    = 4
)

// runChild writes as fast as it can and prints what was acknowledged, a line
// each: "done" position volumes. It ends by being killed, or when its parent is
// gone.
func runChild() {
	n, err := node.Open(context.Background(), config(os.Getenv(childDir)))
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	c := &child{node: n, round: os.Getenv(childRound)}
	if n.Views().View().State.Get("/products/photo") == nil {
		if !c.ask("", product("photo"), rdfStore(catalogue)) {
			return
		}
	}
	c.say("ready")
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() { c.write(writer) })
	}
	group.Go(c.deleteAgain)
	for counter := range 2 {
		group.Go(func() { c.count(counter) })
	}
	group.Wait()
}

// child is a node that is to be killed.
type child struct {
	node  *node.Node
	round string
	print sync.Mutex
}

func (c *child) say(words ...any) {
	c.print.Lock()
	defer c.print.Unlock()
	if _, err := fmt.Println(words...); err != nil {
		os.Exit(0)
	}
}

// ask carries out one request and prints what was acknowledged; the name, if
// there is one, is its idempotency key.
func (c *child) ask(name string, commands ...domain.Command) bool {
	r := &command.Request{Principal: admin, Correlation: uuid.NewString(), Commands: commands}
	if name != "" {
		r.Key = key(name, name)
	}
	answer, err := c.node.Door().Do(context.Background(), r)
	if err != nil {
		c.say("failed", err)
		return false
	}
	if name != "" {
		c.say("done", answer.Position, name)
	}
	return true
}

// write makes volumes: one, then two at once, then three, then one.
func (c *child) write(writer int) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("v-%s-%d-%d", c.round, writer, i)
		if !c.ask(name, batch(name)...) {
			return
		}
	}
}

// deleteAgain makes volumes and deletes them.
func (c *child) deleteAgain() {
	for i := 0; ; i++ {
		name := fmt.Sprintf("gone-%s-%d", c.round, i)
		if !c.ask("", volume("photo", name, 1<<30)) ||
			!c.ask(name, &domain.DeleteVolume{Ref: base.Ref("/products/photo/volumes/" + name)}) {
			return
		}
	}
}

// count increments a number in a dataset.
func (c *child) count(counter int) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("count-%s-%d-%d", c.round, counter, i)
		r := *request()
		r.Key = key(name, name)
		answer, err := c.node.Writer().Change(context.Background(), catalogue, r, increment)
		if err != nil {
			c.say("failed", err)
			return
		}
		c.say("done", answer.Position, name)
	}
}

// batch is the request of a name: as many volumes as its number says.
func batch(name string) (commands []domain.Command) {
	number, _ := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	for part := range 1 + number%3 {
		commands = append(commands, volume("photo", fmt.Sprintf("%s-%d", name, part), 1<<30))
	}
	return commands
}

// live runs a child for a moment, from its start or from when it is ready, kills
// it, and gives what it acknowledged.
func live(t *testing.T, dir string, round int, moment time.Duration, fromStart bool) map[string]base.Position {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childRound+"="+strconv.Itoa(round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() }
	var killer *time.Timer
	if fromStart {
		killer = time.AfterFunc(moment, kill)
	}
	acknowledged := map[string]base.Position{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case words[0] == "ready" && !fromStart:
			killer = time.AfterFunc(moment, kill)
		case words[0] == "done" && len(words) == 3: // the last line may be torn
			position, err := strconv.ParseUint(words[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			acknowledged[words[2]] = base.Position(position)
		case words[0] == "failed":
			t.Errorf("the child says: %s", lines.Text())
		}
	}
	if killer == nil {
		t.Fatal("the child never became ready")
	}
	killer.Stop()
	_ = cmd.Wait() // it was killed, and says so
	return acknowledged
}

func TestKilledNodeLosesAndDoublesNothing(t *testing.T) {
	rounds := 8
	if os.Getenv("PICLOUD_LONG") != "" {
		rounds = 60
	}
	dir := t.TempDir()
	for round := range rounds {
		moment, fromStart := time.Duration(20+rand.IntN(180))*time.Millisecond, round%4 == 3
		if fromStart {
			moment /= 2
		}
		acknowledged := live(t, dir, round, moment, fromStart)
		w := open(t, dir)
		w.verified()
		w.wholeBatches()
		w.countedOnce()
		last := w.position()
		for name, position := range acknowledged {
			w.kept(name, position)
		}
		if w.position() != last {
			t.Errorf("round %d: repetitions moved the log from %d to %d", round, last, w.position())
		}
		t.Logf("round %d: %d acknowledged, the log is at %d", round, len(acknowledged), last)
		w.close()
	}
}

// kept demands that what was acknowledged stands, where it was said to stand,
// and is not done twice when the client repeats it.
func (w *whole) kept(name string, position base.Position) {
	w.t.Helper()
	if strings.HasPrefix(name, "count-") {
		r := *request()
		r.Key = key(name, name)
		if answer, err := w.Writer().Change(w.t.Context(), catalogue, r, increment); err != nil || !answer.Replayed {
			w.t.Errorf("%s was acknowledged at position %d and is counted again: %v", name, position, err)
		}
		return
	}
	r := request(&domain.DeleteVolume{Ref: base.Ref("/products/photo/volumes/" + name)})
	if strings.HasPrefix(name, "gone-") {
		if w.get(r.Commands[0].Subject()) != nil {
			w.t.Errorf("%s was deleted at position %d and is back", name, position)
		}
	} else {
		r = request(batch(name)...)
		for i, c := range r.Commands {
			resource := w.get(c.Subject())
			if resource == nil {
				w.t.Fatalf("%s was acknowledged at position %d and is lost", c.Subject(), position)
			}
			want := position - base.Position(len(r.Commands)-1-i)
			if head := resource.Common(); head.Revision != want {
				w.t.Errorf("%s was acknowledged at position %d and stands at %d", c.Subject(), want, head.Revision)
			}
		}
	}
	r.Key = key(name, name)
	if answer := w.ask(r); !answer.Replayed {
		w.t.Errorf("%s was done again", name)
	}
}

// countedOnce demands that the number in the dataset is that of its changes in
// the log, which repetitions then show to hold every acknowledged one.
func (w *whole) countedOnce() {
	w.t.Helper()
	changes := int64(0)
	for b, err := range w.Events().Read(0) {
		if err != nil {
			w.t.Fatal(err)
		}
		batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range batch.Events {
			if e.Payload.Type() == domain.TypeRDFStoreDatasetChanged {
				changes++
			}
		}
	}
	if w.get(catalogue) == nil {
		return // killed before it was there
	}
	if n := count(w.dataset(catalogue)); n != changes {
		w.t.Errorf("the dataset counts %d after %d changes", n, changes)
	}
}

// wholeBatches demands that what was asked for together is there together,
// acknowledged or not.
func (w *whole) wholeBatches() {
	w.t.Helper()
	for entry := range w.Views().View().State.List("/products/photo/volumes", "") {
		name := entry.Resource.Common().Ref.Name()
		if !strings.HasPrefix(name, "v-") {
			continue
		}
		for _, c := range batch(name[:strings.LastIndex(name, "-")]) {
			if w.get(c.Subject()) == nil {
				w.t.Errorf("%s is there without %s", name, c.Subject())
			}
		}
	}
}

func TestClusterIsFoundedAlthoughTheFirstStartsWereKilled(t *testing.T) {
	directories := 3
	if os.Getenv("PICLOUD_LONG") != "" {
		directories = 40
	}
	for range directories {
		dir := t.TempDir()
		for start := range 3 {
			live(t, dir, start, time.Duration(rand.IntN(150))*time.Millisecond, true)
		}
		w := open(t, dir)
		if _, err := w.Door().Authenticate(w.AdminToken()); err != nil {
			t.Error(err)
		}
		if w.get("/nodes/pi-1") == nil {
			t.Error("the node does not know itself")
		}
		w.verified()
		w.close()
	}
}
