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
)

// childDir and childRound tell this test's binary to be a node that writes
// until it is killed.
const (
	childDir   = "PICLOUD_TEST_CHILD_DIR"
	childRound = "PICLOUD_TEST_CHILD_ROUND"
	writers    = 4
)

// runChild writes volumes as fast as it can and prints each that was
// acknowledged. It ends by being killed, or when its parent is gone.
func runChild() {
	n, err := node.Open(context.Background(), config(os.Getenv(childDir)))
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	round := os.Getenv(childRound)
	if n.Views().View().State.Get("/products/photo") == nil {
		if _, err := n.Door().Do(context.Background(), &command.Request{Principal: admin, Commands: []domain.Command{product("photo")}}); err != nil {
			fmt.Println("failed", err)
			return
		}
	}
	fmt.Println("ready")
	var print sync.Mutex
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("v-%s-%d-%d", round, writer, i)
				answer, err := n.Door().Do(context.Background(), &command.Request{
					Principal: admin, Correlation: uuid.NewString(), Key: key(name, name),
					Commands: []domain.Command{volume("photo", name, 1<<30)},
				})
				print.Lock()
				if err != nil {
					fmt.Println("failed", err)
					print.Unlock()
					return
				}
				if _, err := fmt.Println("done", answer.Position, name); err != nil {
					os.Exit(0)
				}
				print.Unlock()
			}
		})
	}
	group.Wait()
}

// live runs a child for a moment, kills it, and gives what it acknowledged.
func live(t *testing.T, dir string, round int, moment time.Duration) map[string]base.Position {
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
	acknowledged := map[string]base.Position{}
	var killer *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case words[0] == "ready":
			killer = time.AfterFunc(moment, func() { _ = cmd.Process.Kill() })
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
	rounds := 4
	if os.Getenv("PICLOUD_LONG") != "" {
		rounds = 60
	}
	dir := t.TempDir()
	for round := range rounds {
		acknowledged := live(t, dir, round, time.Duration(20+rand.IntN(180))*time.Millisecond)
		w := open(t, dir)
		w.verified()
		last := w.position()
		for name, position := range acknowledged {
			ref := base.Ref("/products/photo/volumes/" + name)
			resource := w.get(ref)
			if resource == nil {
				t.Fatalf("round %d: %s was acknowledged at position %d and is lost", round, name, position)
			}
			if head := resource.Common(); head.Revision != position {
				t.Errorf("round %d: %s was acknowledged at position %d and stands at %d", round, name, position, head.Revision)
			}
			// The client repeats with the same key: it is not done twice.
			r := request(volume("photo", name, 1<<30))
			r.Key = key(name, name)
			if answer := w.ask(r); !answer.Replayed {
				t.Errorf("round %d: %s was done again", round, name)
			}
		}
		if w.position() != last {
			t.Errorf("round %d: repetitions moved the log from %d to %d", round, last, w.position())
		}
		t.Logf("round %d: %d acknowledged, the log is at %d", round, len(acknowledged), last)
		w.close()
	}
}
