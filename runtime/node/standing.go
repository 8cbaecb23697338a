package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
)

// Bounds of asking other nodes where they stand.
const (
	standingTime  = 10 * time.Second
	standingBytes = 1 << 20
	firstPause    = 200 * time.Millisecond // between two rounds, twice as long each time
	longestPause  = 2 * time.Second
	changeAfter   = 10 * time.Second // another reason why nobody answers is told
	againAfter    = time.Minute      // the same one is told again
)

// ofAny asks the other members in turn, until one answers. That may take for ever:
// it says from whom it waits for an answer, and is not loud about it.
func ofAny[T any](ctx context.Context, n *Node, ask func(ctx context.Context, id string) (T, error)) (answer T, err error) {
	silent := silence{n: n}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		reasons := make([]string, 0, 4)
		for _, id := range n.others() {
			if answer, err = ask(ctx, id); err == nil {
				return answer, nil
			}
			reasons = append(reasons, n.silent(id, err))
		}
		if pause > firstPause && ctx.Err() == nil { // who was let in a moment ago may be unknown to them yet
			silent.tell(reasons)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return answer, context.Cause(ctx)
		}
	}
}

// silent says of whom nothing was heard, and why.
func (n *Node) silent(id string, err error) string {
	var request *url.Error
	if errors.As(err, &request) { // the rest names the member by its long id
		err = request.Err
	}
	at := strings.Join(n.placesOf(id), ", ")
	if at == "" {
		at = "an unknown address"
	}
	return fmt.Sprintf("%s at %s (%v)", id[:min(len(id), 8)], at, err)
}

// silence is what was told of members who do not answer.
type silence struct {
	n    *Node
	said string
	at   time.Time
}

// tell says that nobody answers: always to who asks what the node waits for, and now
// and then to the log and the console.
func (s *silence) tell(reasons []string) {
	reason := "this node needs the history of its cluster, and no member that it knows answers: " + strings.Join(reasons, "; ")
	if len(reasons) == 0 {
		reason = "this node needs the history of its cluster, and knows no other member to ask"
	}
	s.n.await(reason)
	past := time.Since(s.at)
	if changed := reason != s.said; s.said != "" && past < againAfter && (!changed || past < changeAfter) {
		return
	} else if changed {
		s.n.say(reason)
	}
	s.n.cfg.Logger.Info("no member says where it stands; they are asked again and again", "waits", reason)
	s.said, s.at = reason, time.Now()
}

// standingOf asks a member where it stands.
func (n *Node) standingOf(ctx context.Context, id string) (at consensus.Standing, err error) {
	ctx, cancel := context.WithTimeout(ctx, standingTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+id+"/peer/standing", nil)
	if err != nil {
		return at, err
	}
	response, err := n.port.Client().Do(r)
	if err != nil {
		return at, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return at, fmt.Errorf("it answers %s", response.Status)
	}
	err = json.NewDecoder(io.LimitReader(response.Body, standingBytes)).Decode(&at)
	if err == nil && at.Index == 0 {
		err = errors.New("it has nothing to say yet")
	}
	return at, err
}
