package membership

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/consensus"
)

// Status is what a node answers when another member asks how it is.
type Status struct {
	ID       string        `json:"id"`
	RaftID   string        `json:"raftId,omitempty"`   // "" while it takes no part in the consensus
	Version  string        `json:"version"`            // of its program
	Level    int           `json:"level"`              // of the platform that its program knows; absent in the first releases: 1
	Reached  int           `json:"reached"`            // level of the cluster, as far as it has taken in the log
	Model    string        `json:"model"`              // digest of the fold model
	Position base.Position `json:"position"`           // last one that it has taken in
	Chain    Chain         `json:"chain"`              // of the log up to there
	Applied  uint64        `json:"applied"`            // Raft index
	Leader   string        `json:"leader,omitempty"`   // Raft id of whom it follows
	Full     bool          `json:"full,omitempty"`     // it refuses writes for want of disk space
	Clock    int64         `json:"clock,omitempty"`    // its wall clock, in milliseconds since 1970; absent in the first releases
	DiskSize int64         `json:"diskSize,omitempty"` // of the disk of its directory, in bytes; absent in the first releases
	DiskUsed int64         `json:"diskUsed,omitempty"`
}

// Chain is a chain digest of the log, in hexadecimal in JSON.
type Chain [32]byte

// MarshalText writes hexadecimal digits.
func (c Chain) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, c[:]), nil }

// UnmarshalText reads them.
func (c *Chain) UnmarshalText(text []byte) error {
	if len(text) != 2*len(c) {
		return fmt.Errorf("a chain digest has %d hexadecimal digits, not %d", 2*len(c), len(text))
	}
	_, err := hex.Decode(c[:], text)
	return err
}

// StatusPath is where members ask each other.
const StatusPath = "/peer/status"

// answerMax bounds what is read of an answer, in bytes.
const answerMax = 64 << 10

// answer serves a value as JSON to members.
func answer[T any](value func(*http.Request) (T, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := value(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		body, err := json.Marshal(v)
		if err != nil {
			http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // who left needs no answer
	})
}

// Ask asks the node with an ID how it is.
type Ask func(ctx context.Context, id string) (Status, error)

// Asking asks over HTTP between members. A node speaks for itself only.
func Asking(peers *http.Client) Ask {
	return func(ctx context.Context, id string) (s Status, err error) {
		if err := fetch(ctx, peers, id, StatusPath, &s); err != nil {
			return Status{}, err
		}
		if s.ID != id || s.RaftID != "" && consensus.NodeOf(s.RaftID) != id {
			return Status{}, fmt.Errorf("node %s answers in the name of %s", id, s.ID)
		}
		return s, nil
	}
}

// fetch reads JSON that a member serves.
func fetch(ctx context.Context, peers *http.Client, id, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+id+path, nil)
	if err != nil {
		return err
	}
	response, err := peers.Do(request)
	if err != nil {
		return cause(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("node %s answers %s: %s", id, response.Status, strings.TrimSpace(string(body[:min(len(body), 256)])))
	}
	return json.Unmarshal(body, into)
}

// cause is an error without the address of the request, which says nothing to
// whoever asked for a node.
func cause(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
