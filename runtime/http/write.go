package http

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
)

// decoder reads a body about the resource at an address.
func (s *Server) decoder(kind domain.Kind, ref base.Ref) *base.Decoder {
	return &base.Decoder{
		Check: base.Check{Resource: ref}, Model: schema.Model, Root: s.root,
		Address: base.Address{Ref: ref, Kind: string(kind), Name: ref.Name(), Product: ref.Product()},
		Resolve: s.resolve,
	}
}

// resolve finds the one resource of an abstract class that has a name.
func (s *Server) resolve(class *base.Class, product base.Ref, name string) (found base.Ref, ok bool) {
	now := s.views.State()
	for _, member := range class.Kinds {
		kind := schema.Model.Class(member)
		ref := base.Ref("/" + kind.Segment + "/" + name)
		if product != "" {
			ref = product + ref
		}
		if now.Get(ref) != nil {
			if ok {
				return "", false
			}
			found, ok = ref, true
		}
	}
	return found, ok
}

// validated gives a command its place in the order of things: what could not
// be read and what breaks a shape are told together, each with its place in
// the body.
func validated(c domain.Command, d *base.Decoder, body *base.Value) error {
	if c != nil {
		c.Validate(&d.Check)
	}
	if len(d.Violations) == 0 {
		return nil
	}
	for i := range d.Violations {
		v := &d.Violations[i]
		if v.Line == 0 && body != nil {
			at := body.Locate(v.Pointer)
			v.Line, v.Column = at.Line, at.Column
		}
	}
	return &base.Error{Code: base.Invalid, Ref: d.Address.Ref, Detail: "the input breaks a rule", Violations: d.Violations}
}

// mayWrite refuses who may not write before anything that was sent is read. The
// front door asks again, for the command that it becomes.
func (s *Server) mayWrite(r *http.Request, kind domain.Kind, ref base.Ref) error {
	return s.door.May(principalOf(r), string(kind)+":write", kind, ref)
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) error {
	if err := s.mayWrite(r, kind, ref); err != nil {
		return err
	}
	data, media, err := readBody(w, r, resourceBytes, resourceBodies...)
	if err != nil {
		return err
	}
	if err := checkName(ref); err != nil {
		return err
	}
	body, err := s.readResource(data, media, schema.Model.Kind(string(kind)), ref)
	if err != nil {
		return err
	}
	d := s.decoder(kind, ref)
	c := codec.DecodeDeclare(d, kind, body, "")
	if err := validated(c, d, body); err != nil {
		return err
	}
	return s.carryOut(w, r, c, data)
}

// checkName refuses names that DNS cannot carry, before anything is read.
func checkName(ref base.Ref) error {
	if ref == "/" || base.IsName(ref.Name()) {
		return nil
	}
	scalar := schema.Model.Scalar("DnsLabel")
	check := base.Check{Resource: ref}
	check.Text("name", base.Ontology+"name", ref.Name(), scalar.MinLength, scalar.MaxLength, base.NewPattern(scalar.Pattern), "a lower-case name that DNS can carry")
	return &base.Error{Code: base.Invalid, Detail: "the address names no resource", Violations: check.Violations}
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) error {
	return s.carryOut(w, r, codec.NewDelete(kind, ref), nil)
}

func (s *Server) operate(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref, operation string) error {
	if err := s.door.May(principalOf(r), string(kind)+":"+operation, kind, ref); err != nil {
		return err
	}
	var body *base.Value
	var data []byte
	if r.ContentLength != 0 {
		var err error
		if data, _, err = readBody(w, r, resourceBytes, JSON.Media); err != nil {
			return err
		}
	}
	if len(data) > 0 {
		var err error
		if body, err = readJSON(data); err != nil {
			return err
		}
	}
	d := s.decoder(kind, ref)
	c := codec.DecodeOperation(d, kind, operation, body)
	if err := validated(c, d, body); err != nil {
		return err
	}
	q, answer, err := s.ask(r, c, data)
	if err != nil {
		return err
	}
	// only what led to events is remembered, so what is repeated was accepted
	if answer.Status == http.StatusOK && (answer.Events > 0 || answer.Replayed) {
		answer.Status = http.StatusAccepted
	}
	if answer.Events > 0 {
		w.Header().Set("Location", s.root+"/events?after=0&correlation="+q.Correlation)
	}
	return s.result(w, r, c, answer)
}

// request is a request of the front door with what the headers say.
func (s *Server) request(r *http.Request, body []byte) (*command.Request, error) {
	principal := principalOf(r)
	q := &command.Request{
		Principal: principal, Correlation: requestID(r), Trace: traceparent(r),
		DeleteData: r.URL.Query().Get("delete-data") == "true",
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 {
		return nil, &base.Error{Code: base.Unparsable, Detail: "Idempotency-Key is over 255 bytes"}
	}
	if key != "" {
		q.Key.Key = sha256.Sum256([]byte(string(principal.Actor) + "\x00" + key))
		sum := sha256.New()
		fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%s\x00%s\x00", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), r.Header.Get("If-Match"), r.Header.Get("If-None-Match"))
		sum.Write(body)
		sum.Sum(q.Key.Request[:0])
	}
	return q, nil
}

// traceparent is the W3C trace context of a request, if it has the right form.
func traceparent(r *http.Request) string {
	if h := r.Header.Get("Traceparent"); len(h) == 55 && strings.Count(h, "-") == 3 {
		return h
	}
	return ""
}

// preconditions reads what must hold before a change.
func preconditions(r *http.Request, q *command.Request) (err error) {
	q.If.Absent = r.Header.Get("If-None-Match") == "*"
	q.If.Revisions, q.If.Exists, err = ifMatch(r)
	return err
}

// ask asks the front door for one command, under the preconditions of a request.
func (s *Server) ask(r *http.Request, c domain.Command, body []byte) (*command.Request, command.Answer, error) {
	q, err := s.request(r, body)
	if err != nil {
		return nil, command.Answer{}, err
	}
	q.Commands = []domain.Command{c}
	if err := preconditions(r, q); err != nil {
		return nil, command.Answer{}, err
	}
	answer, err := s.door.Do(r.Context(), q)
	return q, answer, err
}

// carryOut carries out one command and answers with what became of its subject.
func (s *Server) carryOut(w http.ResponseWriter, r *http.Request, c domain.Command, body []byte) error {
	_, answer, err := s.ask(r, c, body)
	if err != nil {
		return err
	}
	return s.result(w, r, c, answer)
}

// result shows the subject as it is now, unless it is gone or the client asked
// for less (Prefer: return=minimal, RFC 7240).
func (s *Server) result(w http.ResponseWriter, r *http.Request, c domain.Command, answer command.Answer) error {
	header := w.Header()
	header.Set("Picloud-Position", answer.Position.String())
	header.Set("Cache-Control", "private, no-cache")
	if answer.Replayed {
		header.Set("Picloud-Replayed", "true")
	}
	if answer.Status == http.StatusCreated {
		header.Set("Location", c.Subject().Absolute(s.root))
	}
	resource := s.views.State().Get(c.Subject())
	if answer.Status == http.StatusNoContent || resource == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	format, err := chosen(r, resourceFormats)
	if err != nil || format == HTML { // the change is done: too late to refuse
		format = JSON
	}
	head := resource.Common()
	header.Set("ETag", etag(head.Revision, head.Last, format))
	if prefersMinimal(r) {
		header.Set("Preference-Applied", "return=minimal")
		header.Set("Content-Length", "0")
		w.WriteHeader(answer.Status)
		return nil
	}
	body, err := s.encode(resource, format)
	if err != nil {
		return err
	}
	header.Set("Content-Type", format.Media)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.Status)
	_, _ = w.Write(body) // a client that left is no error of ours
	return nil
}

func prefersMinimal(r *http.Request) bool {
	for preference := range strings.FieldsFuncSeq(strings.Join(r.Header["Prefer"], ","), func(c rune) bool { return c == ',' || c == ';' }) {
		if strings.EqualFold(strings.TrimSpace(preference), "return=minimal") {
			return true
		}
	}
	return false
}
