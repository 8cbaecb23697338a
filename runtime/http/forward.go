package http

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// ForwardPath is where members take each other's requests, below it the path
// that the client named.
const ForwardPath = "/peer/forward"

// NotLeader is the header of an answer by a member that took nothing of a
// request that was carried to it, because it does not lead.
const NotLeader = "Picloud-Not-Leader"

// What a request that is carried to the leader takes.
const (
	leaderTime     = 5 * time.Second // without a leader, at most: see patience
	retryPause     = 50 * time.Millisecond
	seeTime        = 5 * time.Second // until this node shows what was written
	forwards       = 512             // on their way
	strangers      = 64              // callers whom this node does not know, and who wait until it knows all that the leader does
	enrollings     = 64              // and of machines that ask to be let in
	enrollBytes    = 16 << 10        // of what those send
	keptBytes      = 1 << 20         // of a body, so that it can be sent again
	keptBytesOfAll = 64 << 20
	forwardBytes   = graphBytes + 1<<20 // the largest body of any request, and some more for the leader to refuse
)

// Headers between members; those of clients mean nothing.
const (
	headerRequest = "Picloud-Request"
	headerClient  = "Picloud-Client"
	headerTimeout = "Picloud-Timeout" // milliseconds that are left
)

// forLeader is the rule for what goes to the leader: all that may write, and
// nothing else. What is below /-/ is about the node that was asked, but for what
// concerns the cluster and for machines that ask to be let in.
func forLeader(r *http.Request) bool {
	path := r.URL.Path
	switch {
	case !writes(r.Method):
		return false
	case path == enrollPath, strings.HasPrefix(path, "/-/cluster/"):
		return true
	case strings.HasPrefix(path, "/-/"):
		return false
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/sparql"):
		return isStorePath(path) && mediaOf(r) != mediaQuery
	}
	return true
}

func mediaOf(r *http.Request) string {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return media
}

// forwarded is what a member says of a request that it carries.
type forwardedKey struct{}

func isForwarded(r *http.Request) bool { return r.Context().Value(forwardedKey{}) != nil }

// Forwarded answers requests that other members carry here, below ForwardPath.
// Who sends them is judged as if they had come directly.
func (s *Server) Forwarded() http.Handler {
	return http.StripPrefix(ForwardPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := s.cfg.Times.Forward
		if ms, err := strconv.ParseInt(r.Header.Get(headerTimeout), 10, 64); err == nil && ms > 0 {
			limit = min(limit, time.Duration(ms)*time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		ctx = context.WithValue(ctx, forwardedKey{}, true)
		ctx = context.WithValue(ctx, requestKey{}, r.Header.Get(headerRequest))
		r = r.WithContext(ctx)
		if client := r.Header.Get(headerClient); isAddress(client) { // else it is the member's own request
			r.RemoteAddr = client
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit)) // the end of the connection holds as well
		for _, name := range []string{headerRequest, headerClient, headerTimeout} {
			r.Header.Del(name)
		}
		s.handler.ServeHTTP(w, r)
	}))
}

func isAddress(text string) bool {
	_, err := netip.ParseAddrPort(text)
	return err == nil
}

// forwarding bounds what is carried.
type forwarding struct {
	known, strangers, enrolling gate
	kept                        atomic.Int64
}

// forward carries what the leader has to answer to the leader. A request is
// carried once: who is no leader says so, and whoever carries it looks for the
// next one.
func (s *Server) forward(next http.Handler) http.Handler {
	if s.cfg.Consensus == nil || s.cfg.Peers == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leadership, _ := s.cfg.Consensus.Leadership()
		stranger := r.Header.Get("Authorization") == ""
		switch {
		case leadership.Leading, !forLeader(r), stranger && r.URL.Path != enrollPath:
			next.ServeHTTP(w, r)
			return
		case isForwarded(r):
			w.Header().Set(NotLeader, "true")
			s.fail(w, r, errNotLeading)
			return
		}
		places := s.forwarding.known
		if r.URL.Path == enrollPath {
			places = s.forwarding.enrolling
			if err := s.takeWhole(w, r); err != nil {
				s.fail(w, r, err)
				return
			}
		} else if err := s.introduce(r); err != nil {
			if r.ContentLength != 0 { // the server would wait for the body before it answers
				_ = http.NewResponseController(w).SetReadDeadline(time.Now())
			}
			s.fail(w, r, err)
			return
		}
		if !places.enter() {
			s.fail(w, r, errCrowded)
			return
		}
		defer places.leave()
		s.answerFor(w, r, s.carry(w, r, next))
	})
}

// introduce refuses a token that the cluster does not know before anything of the
// body is read. This node may not have heard of it yet, so it catches up first.
func (s *Server) introduce(r *http.Request) error {
	if _, err := s.authenticate(r); err == nil {
		return nil
	}
	if !s.forwarding.strangers.enter() {
		return errCrowded
	}
	defer s.forwarding.strangers.leave()
	latest, err := s.Latest(r.Context())
	if err == nil {
		_, err = s.waitFor(r, latest)
	}
	if err != nil {
		return errNoLeader // a stranger is not told who is missing
	}
	_, err = s.authenticate(r)
	return err
}

var (
	errNotLeading = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "this node does not lead, and the request came from a node that believed so; try again"}
	errCrowded    = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "too many requests are on their way to the leader; try again"}
	errNoLeader   = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "no leader can be reached; nothing was changed. " + majority}
	errHalfSent   = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the leader changed while the request was on its way; nothing was changed. Try again"}
	errUncertain  = &base.Error{Code: base.Uncertain, Detail: "the connection to the leader was lost; the change may have been applied. Repeat it with the same Idempotency-Key to learn"}
)

// takeWhole reads what a machine sends that asks to be let in before it takes a
// place: anybody may send that, and who does it slowly must keep nobody out.
func (s *Server) takeWhole(w http.ResponseWriter, r *http.Request) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, s.flowing(w, r), enrollBytes))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return tooLarge(enrollBytes)
	case err != nil:
		return endedEarly(err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return nil
}

func endedEarly(err error) error {
	return &base.Error{Code: base.Unparsable, Detail: "the body ended early: " + err.Error()}
}

// carry brings a request to the leader and its answer back. As long as nothing
// can have been applied, or a repetition would be recognised, it tries again.
func (s *Server) carry(w http.ResponseWriter, r *http.Request, next http.Handler) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Times.Forward)
	defer cancel()
	body, release, err := s.hold(w, r)
	if err != nil {
		return err
	}
	defer release()
	if body.isQuery(r) {
		next.ServeHTTP(w, body.in(r))
		return nil
	}
	repeatable := body.repeatable(r)
	uncertain := false // a try may have been carried out
	giveUp := func() error {
		switch {
		case uncertain:
			return errUncertain
		case r.URL.Path == enrollPath: // a stranger
			return errNoLeader
		}
		return s.noLeader("nothing was changed")
	}
	for began := time.Now(); ; {
		leader, err := s.awaitLeader(ctx, began)
		if err != nil {
			return giveUp()
		}
		if leader == "" { // it is this node
			next.ServeHTTP(w, body.in(r))
			return nil
		}
		answer, sent, err := s.sendTo(ctx, r, leader, body)
		switch {
		case err == nil && ofLeader(answer):
			defer answer.Body.Close()
			if uncertain && unapplied(answer.StatusCode) {
				return errUncertain // this try changed nothing; one before may have
			}
			return s.relay(w, r, answer)
		case err == nil:
			_ = answer.Body.Close()
		case errors.As(err, new(*http.MaxBytesError)):
			return tooLarge(forwardBytes)
		case r.Context().Err() != nil, sent && !repeatable:
			return errUncertain
		case sent:
			uncertain = true
		}
		switch now := time.Now(); {
		case !body.whole && body.begun.Load():
			return errHalfSent
		case sent:
			began = now
		case now.After(s.patience(began)):
			return giveUp()
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return giveUp()
		}
	}
}

// ofLeader says that an answer is a leader's. A member that is just starting has
// nobody yet who could say that it does not lead, or that knows who is a member;
// what says so lacks the mark of an answer by this package.
func ofLeader(answer *http.Response) bool {
	return answer.Header.Get(NotLeader) == "" && answer.Header.Get(headerRequest) != ""
}

// unapplied says that a status promises that nothing was changed.
func unapplied(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusInsufficientStorage || status == http.StatusTooManyRequests
}

// body is what a client sends, as far as it can be sent again.
type body struct {
	kept  []byte
	whole bool        // kept is all of it
	rest  io.Reader   // what follows
	begun atomic.Bool // rest was read from
	size  int64       // of all; -1 means unknown
}

// repeatable says that the request can be sent again although it may have been
// carried out: that would be recognised.
func (b *body) repeatable(r *http.Request) bool {
	return b.whole && r.Header.Get("Idempotency-Key") != ""
}

// hold keeps a small body, so that it can be sent again.
func (s *Server) hold(w http.ResponseWriter, r *http.Request) (*body, func(), error) {
	none := func() {}
	if r.ContentLength > forwardBytes {
		return nil, none, tooLarge(forwardBytes)
	}
	source := http.MaxBytesReader(w, s.flowing(w, r), forwardBytes)
	b := &body{size: r.ContentLength, rest: source}
	if r.ContentLength == 0 {
		b.whole = true
		return b, none, nil
	}
	room := int64(keptBytes)
	if r.ContentLength > 0 {
		room = min(room, r.ContentLength)
	}
	release := func() { s.forwarding.kept.Add(-room) }
	if s.forwarding.kept.Add(room) > keptBytesOfAll || r.ContentLength > keptBytes {
		release()
		return b, none, nil
	}
	var err error
	if b.kept, err = io.ReadAll(io.LimitReader(source, keptBytes+1)); err != nil {
		release()
		return nil, none, endedEarly(err)
	}
	if b.whole = len(b.kept) <= keptBytes; b.whole {
		b.size = int64(len(b.kept))
	}
	return b, release, nil
}

// Read reads what was not kept.
func (b *body) Read(p []byte) (int, error) {
	b.begun.Store(true)
	return b.rest.Read(p)
}

// reader is the body from its beginning; without what can be read only once, as
// often as it is asked for.
func (b *body) reader() io.ReadCloser {
	switch {
	case b.whole && len(b.kept) == 0:
		return http.NoBody
	case b.whole:
		return io.NopCloser(bytes.NewReader(b.kept))
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(b.kept), b))
}

// in is the request with the body put back.
func (b *body) in(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.Body, r.ContentLength = b.reader(), b.size
	return r
}

// isQuery reports a form that asks and changes nothing. One that is too large to
// be looked at goes to the leader, who can answer both.
func (b *body) isQuery(r *http.Request) bool {
	if !b.whole || !strings.HasSuffix(r.URL.Path, "/sparql") || mediaOf(r) != mediaForm {
		return false
	}
	form, err := url.ParseQuery(string(b.kept))
	return err == nil && !form.Has("update")
}

// sendTo sends a request to a member. Sent is false when it cannot have got there.
func (s *Server) sendTo(ctx context.Context, r *http.Request, leader string, b *body) (answer *http.Response, sent bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	patience := followedBy
	if b.repeatable(r) {
		patience = followed
	}
	stop := s.giveUpWith(leader, patience, cancel)
	defer stop()
	var got atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.Store(true) }})
	to := &url.URL{Scheme: "https", Host: leader, Path: ForwardPath + r.URL.Path, RawPath: ForwardPath + r.URL.EscapedPath(), RawQuery: r.URL.RawQuery}
	out, err := http.NewRequestWithContext(ctx, r.Method, to.String(), nil)
	if err != nil {
		cancel(err)
		return nil, false, err
	}
	out.Host, out.Header, out.Body, out.ContentLength = r.Host, r.Header.Clone(), b.reader(), b.size
	if b.whole {
		out.GetBody = func() (io.ReadCloser, error) { return b.reader(), nil }
	}
	dropHops(out.Header)
	out.Header.Set(headerRequest, requestID(r))
	out.Header.Set(headerClient, r.RemoteAddr)
	if end, ok := ctx.Deadline(); ok {
		out.Header.Set(headerTimeout, strconv.FormatInt(max(1, time.Until(end).Milliseconds()-100), 10))
	}
	answer, err = s.cfg.Peers.Do(out)
	if err != nil {
		cancel(err)
		return nil, got.Load(), err
	}
	answer.Body = &cancelled{answer.Body, func() { cancel(nil) }}
	return answer, true, nil
}

// cancelled is a body that ends its request when it is closed.
type cancelled struct {
	io.ReadCloser
	end func()
}

func (c *cancelled) Close() error {
	defer c.end()
	return c.ReadCloser.Close()
}

// When a request to a leader is given up that does not answer.
const (
	leaderLook  = 50 * time.Millisecond
	followed    = 50 * time.Millisecond  // another one leads, and the question can be repeated
	followedBy  = 500 * time.Millisecond // it cannot, and this one's last answers will have arrived
	leaderFaint = 2 * time.Second        // nobody is known to lead
)

// giveUpWith ends a request to a leader that another one has followed, and that
// has not answered so much later: one without power says nothing.
func (s *Server) giveUpWith(leader string, patience time.Duration, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		look := time.NewTicker(leaderLook)
		defer look.Stop()
		for silent := time.Duration(0); ; silent += leaderLook {
			select {
			case <-done:
				return
			case <-look.C:
			}
			switch _, now := s.cfg.Consensus.Leader(); {
			case now == leader:
				silent = 0
			case now != "" && silent >= patience, silent >= leaderFaint:
				cancel(errLeaderGone)
				return
			}
		}
	}()
	return func() { close(done) }
}

var errLeaderGone = errors.New("the leader is gone")

// relay answers as the leader did, once this node shows what it speaks of.
func (s *Server) relay(w http.ResponseWriter, r *http.Request, answer *http.Response) error {
	if position, err := strconv.ParseUint(answer.Header.Get("Picloud-Position"), 10, 64); err == nil {
		s.awaitSeen(r, base.Position(position))
	}
	dropHops(answer.Header)
	header := w.Header()
	for name, values := range answer.Header {
		header[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // who left needs no answer
	return nil
}

// awaitSeen waits until reads of this node see a position. A node that lags
// behind for long answers all the same: the change is done, and who carries
// the position along waits where they read.
func (s *Server) awaitSeen(r *http.Request, position base.Position) {
	ctx, cancel := context.WithTimeout(r.Context(), seeTime)
	defer cancel()
	if _, err := s.views.Reach(ctx, position); err != nil || !isStorePath(r.URL.Path) {
		return
	}
	for _, end := range []string{"/sparql", "/graph"} {
		if ref, ok := strings.CutSuffix(r.URL.Path, end); ok {
			_, _ = s.cfg.Datasets.View(ctx, base.Ref(ref), position)
		}
	}
}

// dropHops removes headers that are about one connection (RFC 9110, section
// 7.6.1).
func dropHops(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"} {
		h.Del(name)
	}
}
