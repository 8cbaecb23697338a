package enroll

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll/ticket"
	"github.com/picloud/picloud/runtime/iam"
)

// Candidate is where a cluster may be asked.
type Candidate struct {
	Cluster   string   // id, as announced; "" = not known
	Addresses []string // host:port, best first
}

// JoinConfig is what a machine asks with.
type JoinConfig struct {
	Identity *iam.Identity
	Name     string // to join under: a DNS label
	Port     int    // at which this machine answers
	// Addresses are those of this machine at which others may reach it.
	Addresses func() []string
	// Candidates are where to ask now; it is called for each round. A word on Found
	// means that there is another one, and begins a round at once; it may be nil.
	Candidates func() []Candidate
	Found      <-chan struct{}
	Cluster    string // id of the only cluster to join; "" = the only one that is found
	Token      string // enrolment token; "" = an administrator approves
	// Show is given the code to compare whenever there is another one.
	Show func(code string)
	// Say is given, as a sentence, what the machine waits for.
	Say    func(reason string)
	Now    func() time.Time
	Logger *slog.Logger
	// Pause is between two rounds in which nobody answered, after some shorter ones;
	// 0 means 2 s.
	Pause time.Duration
}

// Membership is what a cluster gave a machine that it let in. The machine is a
// member once its identity has adopted certificate and authority.
type Membership struct {
	Certificate, Authority []byte // PEM
	ClusterID, Domain      string
	Name                   string // of the node
	Members                []Member
}

// joiner is one machine that asks.
type joiner struct {
	cfg       JoinConfig
	authority string              // fingerprint of the one to trust, once it is known
	met       map[string]*cluster // by address
	session   *session
	said      string
	pause     time.Duration // after the next round in which nobody answers
	alone     bool          // nobody answered in the last one but to refuse for now
}

const (
	firstPause = 250 * time.Millisecond
	leastPause = 100 * time.Millisecond // whatever a cluster says

	longestWait = 60 // s, whatever it says: it may be a stranger

	sentenceMax   = 1024 // bytes of what it says that a person reads
	violationsMax = 16
)

// session is one exchange of random numbers with one cluster.
type session struct {
	authority        string
	nonce, challenge string
	shown            bool
}

// Join asks until the machine is let in, turned away (*base.Error), or ctx ends.
// Addresses are hints: what counts is the authority that answers there.
func Join(ctx context.Context, cfg JoinConfig) (*Membership, error) {
	j, err := newJoiner(cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		for address := range j.met {
			j.forget(address)
		}
	}()
	for {
		membership, pause, err := j.round(ctx)
		if membership != nil || err != nil {
			return membership, err
		}
		timer, found := time.NewTimer(pause), cfg.Found
		if !j.alone {
			found = nil // a cluster that waits for its administrator says when to ask again
		}
		select {
		case <-timer.C:
		case <-found:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

func newJoiner(cfg JoinConfig) (*joiner, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Pause == 0 {
		cfg.Pause = 2 * time.Second
	}
	if cfg.Show == nil {
		cfg.Show = func(string) {}
	}
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	j := &joiner{cfg: cfg, met: map[string]*cluster{}, pause: min(firstPause, cfg.Pause)}
	if cfg.Token == "" {
		return j, nil
	}
	known, err := ticket.Parse(cfg.Token)
	if err != nil {
		return nil, &base.Error{Code: base.Invalid, Detail: err.Error()}
	}
	if cfg.Cluster != "" && !strings.EqualFold(cfg.Cluster, known.Cluster) {
		return nil, &base.Error{Code: base.Invalid, Detail: fmt.Sprintf("the enrolment token is of the cluster %s, not of %s", known.Cluster, cfg.Cluster)}
	}
	j.cfg.Token, j.cfg.Cluster, j.authority = strings.TrimSpace(cfg.Token), known.Cluster, known.Authority
	return j, nil
}

// round asks at one address after the other until one answers. Who refuses may be
// a stranger, or a node without its majority: the others are asked too.
func (j *joiner) round(ctx context.Context) (*Membership, time.Duration, error) {
	addresses, reason := j.addresses()
	j.forgetBut(addresses)
	var later time.Duration // the shortest that somebody asks to wait; 0 = nobody does
	var refusal string      // the first; else why nobody can be asked
	for g := range greet(ctx, j.greetings(addresses), j.cfg.Now) {
		membership, pause, err := j.ask(ctx, g)
		var refused *base.Error
		switch {
		case membership != nil:
			return membership, 0, nil
		case ctx.Err() != nil:
			return nil, 0, context.Cause(ctx)
		case err == nil:
			j.alone = false
			return nil, pause, nil
		case !errors.As(err, &refused):
			j.forget(g.address)
			j.cfg.Logger.Debug("a node did not answer the wish to join", "address", g.address, "error", err)
			reason = cmp.Or(reason, fmt.Sprintf("%s cannot be asked to let this machine in: %v", g.address, err))
			continue
		case refused.Code == base.Stale || refused.Repeatable():
			if pause = j.postponed(refused); later == 0 || pause < later {
				later = pause
			}
		case j.believes(g.address):
			return nil, 0, refused
		default:
			g.refused, g.until = refused, time.Now().Add(longestWait*time.Second)
		}
		refusal = cmp.Or(refusal, fmt.Sprintf("%s: %s", g.address, refused.Detail))
	}
	if reason = cmp.Or(refusal, reason); reason != "" {
		j.say(reason)
	}
	j.alone = true
	if later > 0 {
		return nil, later, nil
	}
	pause := j.pause
	j.pause = min(2*pause, j.cfg.Pause)
	return nil, pause, nil
}

// believes reports whether a refusal at an address ends the wish to join: the
// cluster of the token or of the code is there, or a person named the address.
// What was merely announced may be anybody.
func (j *joiner) believes(address string) bool {
	return j.authority != "" || slices.ContainsFunc(j.cfg.Candidates(), func(c Candidate) bool {
		return c.Cluster == "" && slices.Contains(c.Addresses, address)
	})
}

// postponed is how long to wait after a refusal that holds for now.
func (j *joiner) postponed(refused *base.Error) time.Duration {
	if refused.Code == base.Stale { // the random numbers are too old
		j.session = nil
		return leastPause
	}
	return max(firstPause, seconds(refused.RetryAfter))
}

// seconds is a wait that somebody asks for, within what anybody may ask for.
func seconds(n int) time.Duration { return time.Duration(min(n, longestWait)) * time.Second }

// addresses are where to ask now, or why nowhere.
func (j *joiner) addresses() (list []string, reason string) {
	var ids []string
	for _, candidate := range j.cfg.Candidates() {
		if candidate.Cluster != "" && j.cfg.Cluster != "" && !strings.EqualFold(candidate.Cluster, j.cfg.Cluster) {
			continue
		}
		if candidate.Cluster != "" && !slices.Contains(ids, candidate.Cluster) {
			ids = append(ids, candidate.Cluster)
		}
		for _, address := range candidate.Addresses {
			if !slices.Contains(list, address) {
				list = append(list, address)
			}
		}
	}
	switch {
	case len(ids) > 1:
		slices.Sort(ids)
		return nil, fmt.Sprintf("there are several clusters here (%s); say which one to join with --cluster ID", strings.Join(ids, ", "))
	case len(list) == 0 && j.cfg.Cluster != "":
		return nil, fmt.Sprintf("the cluster %s is not found; name a node of it with --join HOST:PORT", j.cfg.Cluster)
	case len(list) == 0:
		return nil, "no cluster is found; make one with \"picloud cluster init\", or name a node of one with --join HOST:PORT"
	}
	return list, ""
}

func (j *joiner) say(reason string) {
	if reason = clip(shown(reason), sentenceMax); reason != j.said { // it may hold what a stranger's certificate says
		j.said = reason
		j.cfg.Say(reason)
	}
}

// ask goes one step with the cluster that was met. With neither membership nor
// error the machine waits for the pause. Who refused is not asked again soon, at
// whatever address.
func (j *joiner) ask(ctx context.Context, g *greeting) (*Membership, time.Duration, error) {
	if g.err != nil {
		return nil, 0, g.err
	}
	c := g.cluster
	j.met[g.address] = c
	switch {
	case j.authority != "" && c.authority != j.authority && j.cfg.Token != "":
		return nil, 0, errors.New("it shows another certificate authority than the enrolment token names: it is not the cluster, or somebody stands in between")
	case j.authority != "" && c.authority != j.authority:
		return nil, 0, errors.New("it shows another certificate authority than the one whose code was shown: it is another cluster, or somebody stands in between")
	}
	for _, other := range j.met {
		if other.authority == c.authority && time.Now().Before(other.until) {
			return nil, 0, other.refused
		}
	}
	if j.session == nil || j.session.authority != c.authority {
		if err := j.begin(ctx, c); err != nil {
			return nil, 0, err
		}
	}
	answered, err := j.send(ctx, c, func(m *message) { m.Nonce, m.Challenge = j.session.nonce, j.session.challenge })
	switch {
	case err != nil:
		return nil, 0, err
	case answered.Certificate != "":
		membership, err := j.accept(c, answered)
		return membership, 0, err
	}
	return nil, max(seconds(answered.Retry), leastPause), j.show(c, answered.Code)
}

// greetings are of what is at addresses: known ones need no handshake. Once the
// cluster is settled, its own come first.
func (j *joiner) greetings(addresses []string) (list []*greeting) {
	for _, address := range addresses {
		list = append(list, &greeting{address: address, cluster: j.met[address]})
	}
	if j.authority != "" {
		slices.SortStableFunc(list, func(a, b *greeting) int { return b.known() - a.known() })
	}
	return list
}

func (j *joiner) forget(address string) {
	if c := j.met[address]; c != nil {
		c.client.CloseIdleConnections()
		delete(j.met, address)
	}
}

// forgetBut forgets who is not at any of some addresses: strangers can announce
// others all the time.
func (j *joiner) forgetBut(addresses []string) {
	for address := range j.met {
		if !slices.Contains(addresses, address) {
			j.forget(address)
		}
	}
}

// begin exchanges random numbers: the machine's stays hidden until it has the
// cluster's.
func (j *joiner) begin(ctx context.Context, c *cluster) error {
	raw := make([]byte, nonceSize)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	nonce := base64.RawURLEncoding.EncodeToString(raw)
	answered, err := j.send(ctx, c, func(m *message) { m.Commitment = commitment(nonce) })
	if err != nil {
		return err
	}
	if answered.Challenge == "" {
		return errors.New("it gave no challenge")
	}
	j.session = &session{authority: c.authority, nonce: nonce, challenge: answered.Challenge}
	return nil
}

// show shows the code that this side computes, and no other.
func (j *joiner) show(c *cluster, theirs string) error {
	own := code(c.authority, j.cfg.Identity.ID(), j.cfg.Identity.WrapKey(), j.session.nonce, j.session.challenge)
	if theirs != own {
		j.session = nil
		return errors.New("it shows another code than this machine: it still has an older one, or somebody stands in between")
	}
	j.authority = c.authority
	if !j.session.shown {
		j.session.shown = true
		j.cfg.Show(own)
	}
	j.say(fmt.Sprintf("an administrator has to approve this machine: picloud node approve %s, after comparing the code %s", j.cfg.Name, own))
	return nil
}

// accept checks all that the cluster gives.
func (j *joiner) accept(c *cluster, answered *reply) (*Membership, error) {
	m := &Membership{
		Certificate: []byte(answered.Certificate), Authority: []byte(answered.Roots),
		ClusterID: answered.ClusterID, Domain: answered.Domain, Name: answered.Name, Members: answered.Members,
	}
	authority, err := iam.ParseCertificate(m.Authority)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its certificate authority: %w", err)
	case iam.Fingerprint(authority) != c.authority:
		return nil, errors.New("it gave another certificate authority than it showed")
	case !isCluster(m.ClusterID, m.Domain):
		return nil, fmt.Errorf("it is no cluster of picloud: it calls itself %.80q (%.80q)", m.Domain, m.ClusterID)
	case m.Name != j.cfg.Name || j.cfg.Cluster != "" && !strings.EqualFold(j.cfg.Cluster, m.ClusterID):
		return nil, errors.New("it let in another machine, or to another cluster, than was asked for")
	}
	if err := j.cfg.Identity.Fits(m.Certificate, m.Authority); err != nil {
		return nil, err
	}
	return m, nil
}

// isCluster reports whether a cluster can have this id and this domain.
func isCluster(id, name string) bool {
	var check base.Check
	(&domain.ClusterSpec{ClusterID: id, Domain: name}).Validate(&check)
	return len(check.Violations) == 0
}

// send posts a message and reads the answer. A problem document is a
// *base.Error.
func (j *joiner) send(ctx context.Context, c *cluster, fill func(*message)) (*reply, error) {
	body, err := j.message(c.authority, fill)
	if err != nil {
		return nil, err
	}
	return post(ctx, c.client, "https://"+c.host+Path, body)
}

// message signs what the machine says.
func (j *joiner) message(authority string, fill func(*message)) (*message, error) {
	csr, err := j.cfg.Identity.Request(j.cfg.Name, iam.IsPrivate)
	if err != nil {
		return nil, err
	}
	m := &message{
		CSR: string(csr), WrapKey: j.cfg.Identity.WrapKey(), Name: j.cfg.Name, Cluster: j.cfg.Cluster,
		Token: j.cfg.Token, Port: int64(j.cfg.Port),
	}
	if j.cfg.Addresses != nil {
		addresses := j.cfg.Addresses()
		m.Addresses = addresses[:min(len(addresses), addressesMax)]
	}
	fill(m)
	proof, err := j.cfg.Identity.Sign(m.signed(authority))
	m.Proof = base64.RawURLEncoding.EncodeToString(proof)
	return m, err
}

// post sends JSON and reads a reply or a problem document.
func post(ctx context.Context, client *http.Client, url string, message any) (*reply, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 == 2 {
		got := &reply{}
		return got, json.Unmarshal(text, got)
	}
	var told problem
	if json.Unmarshal(text, &told) != nil || told.Detail == "" {
		return nil, fmt.Errorf("it answered %s", answer.Status)
	}
	// who answers may be a stranger, and a person reads it
	told.Violations = told.Violations[:min(len(told.Violations), violationsMax)]
	for i, v := range told.Violations {
		told.Violations[i] = base.Violation{ID: line(v.ID), Message: line(v.Message), Pointer: line(v.Pointer)}
	}
	failed := &base.Error{Code: base.CodeOfIRI(told.Type), Detail: clip(shown(told.Detail), sentenceMax), Violations: told.Violations}
	if failed.Code == "" {
		failed.Code = base.CodeOfStatus(answer.StatusCode)
	}
	failed.RetryAfter, _ = strconv.Atoi(answer.Header.Get("Retry-After"))
	return nil, failed
}
