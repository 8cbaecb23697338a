package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// socketName is where the owner of the directory talks to its node, with
// nothing to prove but that they may open it.
const socketName = "picloud.sock"

// Bounds of what is said on the socket.
const (
	socketBytes = 1 << 20
	socketTime  = 10 * time.Second // to send a request, and to take its answer
)

// Standing is how a node stands to its cluster.
type Standing struct {
	Node    string `json:"node"`              // its id: the fingerprint of its key
	Name    string `json:"name"`              //
	Address string `json:"address"`           // host and port of its port
	Version string `json:"version,omitempty"` // of the program
	Cluster string `json:"cluster,omitempty"` // id of its cluster, once it is a member
	Domain  string `json:"domain,omitempty"`  // of the cluster
	Waits   string `json:"waits,omitempty"`   // what it waits for before it serves
}

// Founded is a new cluster, for the one who founded it.
type Founded struct {
	Standing
	Authority   []byte `json:"authority"`   // its certificate, PEM
	Fingerprint string `json:"fingerprint"` // of that
	Token       string `json:"token"`       // of the first administrator
}

// openSocket lets the owner of the directory talk to the node.
func (n *Node) openSocket(ctx context.Context) error {
	listener, err := listenSocket(ctx, n.cfg.Dir)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) { tell(w, http.StatusOK, n.standing()) })
	mux.HandleFunc("POST /backup", n.answerBackup)
	mux.HandleFunc("POST /init", func(w http.ResponseWriter, r *http.Request) { n.answerInit(w, r) })
	server := &http.Server{
		Handler: mux, ReadTimeout: socketTime, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(n.cfg.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	n.own(func() error {
		late, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := server.Shutdown(late)
		if err != nil {
			err = server.Close()
		}
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return errors.Join(err, n.forget(socketName))
	})
	return nil
}

// standing is how the node stands now.
func (n *Node) standing() Standing {
	s := Standing{Node: n.identity.ID(), Name: n.cfg.Name, Address: n.Address(), Version: n.cfg.Version}
	if m := n.record.Load(); m != nil {
		s.Cluster, s.Domain, s.Name = m.Cluster, m.Domain, m.Name
	}
	select {
	case <-n.serving:
	default:
		s.Waits = *n.waits.Load()
	}
	return s
}

// answerInit tells the waiting node to found a cluster, and answers when it has.
func (n *Node) answerInit(w http.ResponseWriter, r *http.Request) {
	var what Founding
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, socketBytes)).Decode(&what)
	if err == nil {
		err = n.checkFounding(what)
	}
	if err != nil {
		tell(w, http.StatusUnprocessableEntity, refusal{err.Error()})
		return
	}
	select {
	case n.told <- what:
	case <-n.settled:
		tell(w, http.StatusConflict, refusal{n.alreadySettled()})
		return
	case <-r.Context().Done():
		return
	}
	select {
	case <-n.serving:
		if !n.founder.Load() {
			tell(w, http.StatusConflict, refusal{n.alreadySettled()})
			return
		}
		tell(w, http.StatusOK, Founded{n.standing(), n.CA(), n.identity.AuthorityFingerprint(), n.token})
	case <-n.failed:
		tell(w, http.StatusInternalServerError, refusal{n.fault.Error()})
	case <-r.Context().Done():
	}
}

// alreadySettled says why the node is not told to found a cluster any more.
func (n *Node) alreadySettled() string {
	if m := n.record.Load(); m != nil {
		return fmt.Sprintf("this node is a member of the cluster %s (%s) already; to found another, give a server another directory", m.Cluster, m.Domain)
	}
	return "this node is founding a cluster already; see \"picloud cluster status\" in a moment"
}

type refusal struct {
	Detail string `json:"detail"`
}

func tell(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // who left needs no answer
}

// Init tells the node that waits in a directory to found a cluster, and gives
// what its founder needs.
func Init(ctx context.Context, dir string, what Founding) (Founded, error) {
	var founded Founded
	return founded, call(ctx, dir, http.MethodPost, "/init", what, &founded)
}

// Status asks the node of a directory how it stands.
func Status(ctx context.Context, dir string) (Standing, error) {
	var standing Standing
	return standing, call(ctx, dir, http.MethodGet, "/status", nil, &standing)
}

// call asks the node of a directory for something over its socket.
func call(ctx context.Context, dir, method, path string, question, answer any) error {
	response, err := ask(ctx, dir, method, path, question)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(io.LimitReader(response.Body, socketBytes)).Decode(answer)
}

// ask is call with the answer unread.
func ask(ctx context.Context, dir, method, path string, question any) (*http.Response, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://node"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Close = true // the connection ends with the answer
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, dir) }}
	response, err := transport.RoundTrip(r)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("only the owner of %s may talk to its node; run this as the same user, with sudo say", dir)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED): // it never ran there, or does not run now
		return nil, &base.Error{Code: base.Unavailable, Detail: fmt.Sprintf("no node runs in %s; start one with \"picloud server --dir %s\", or name the directory of the one that runs with --dir", dir, dir)}
	case err != nil:
		return nil, &base.Error{Code: base.Unavailable, Detail: fmt.Sprintf("the node in %s does not answer: %v", dir, err)}
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	var refused refusal
	if err := json.NewDecoder(io.LimitReader(response.Body, socketBytes)).Decode(&refused); err != nil {
		return nil, fmt.Errorf("the node in %s answers %s: %w", dir, response.Status, err)
	}
	return nil, errors.New(refused.Detail)
}
