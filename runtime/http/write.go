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
	view := s.views.View()
	for _, member := range class.Kinds {
		kind := schema.Model.Class(member)
		ref := base.Ref("/" + kind.Segment + "/" + name)
		if product != "" {
			ref = product + ref
		}
		if view.State.Get(ref) != nil {
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

// Put answers PUT: the resource becomes as described.
func (s *Server) Put(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	principal, data, media, err := s.body(w, r, resourceBytes, resourceBodies...)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if err := checkName(ref); err != nil {
		s.fail(w, r, err)
		return
	}
	body, err := s.readResource(data, media, schema.Model.Kind(string(kind)), ref)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	d := s.decoder(kind, ref)
	c := codec.DecodeDeclare(d, kind, body, "")
	if err := validated(c, d, body); err != nil {
		s.fail(w, r, err)
		return
	}
	s.carryOut(w, r, principal, c, data)
}

// checkName refuses names that DNS cannot carry, before anything is read.
func checkName(ref base.Ref) error {
	scalar := schema.Model.Scalar("DnsLabel")
	check := base.Check{Resource: ref}
	if name := ref.Name(); ref != "/" {
		check.Text("name", base.Ontology+"name", name, scalar.MinLength, scalar.MaxLength, base.NewPattern(scalar.Pattern), "a lower-case name that DNS can carry")
	}
	if len(check.Violations) == 0 {
		return nil
	}
	return &base.Error{Code: base.Invalid, Detail: "the address names no resource", Violations: check.Violations}
}

// Patch answers PATCH: a JSON merge patch (RFC 7396) of what is declared.
func (s *Server) Patch(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	principal, data, _, err := s.body(w, r, resourceBytes, mediaMergePatch)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	patch, err := readJSON(data)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if err := s.door.MayRead(principal, kind, ref); err != nil {
		s.fail(w, r, err)
		return
	}
	entry, ok := s.views.View().State.Entry(ref)
	if !ok || entry.Resource.Kind() != kind {
		s.fail(w, r, &base.Error{Code: base.NotFound, Ref: ref, Detail: fmt.Sprintf("there is no %s at %s", kind, ref)})
		return
	}
	c, err := s.patched(kind, ref, entry.Resource, patch)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	// the patch was made on this revision; another one would be another result
	if r.Header.Get("If-Match") == "" {
		r.Header.Set("If-Match", strconv.Quote(entry.Resource.Common().Revision.String()))
	}
	s.carryOut(w, r, principal, c, data)
}

// patched is the declaration that a patch leads to.
func (s *Server) patched(kind domain.Kind, ref base.Ref, before domain.Resource, patch *base.Value) (domain.Command, error) {
	d := s.decoder(kind, ref)
	if patch.Get("status") != nil {
		d.Add("observed", "status", "", "", "status is observed, not declared; leave it out of a patch")
	}
	for _, f := range schema.Model.Kind(string(kind)).Fields {
		if change := patch.Get(f.Name); change != nil && f.Sensitive && change.Kind != base.StringValue {
			// what is kept cannot be read, so there is nothing to merge with
			d.Add("sensitive", f.Name, f.Shape, "", f.Name+" is write-only and cannot be patched in parts; PUT it whole")
		}
	}
	if len(d.Violations) > 0 {
		return nil, validated(nil, d, patch)
	}
	e := base.Encoder{Root: s.root}
	codec.AppendResource(&e, before)
	now, fault := base.ReadJSON(e.Buffer, base.Limits{Bytes: len(e.Buffer) + 1})
	if fault != nil {
		return nil, fmt.Errorf("reading back %s: %w", ref, fault)
	}
	body := base.MergePatch(now, patch)
	c := codec.DecodeDeclare(d, kind, body, "")
	return c, validated(c, d, patch)
}

// Delete answers DELETE.
func (s *Server) Delete(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	principal, err := s.principal(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.carryOut(w, r, principal, codec.NewDelete(kind, ref), nil)
}

// Operate answers POST of an operation.
func (s *Server) Operate(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref, operation string) {
	var body *base.Value
	var data []byte
	principal, err := s.principal(r)
	if err == nil && r.ContentLength != 0 {
		if data, _, err = readBody(w, r, resourceBytes, JSON.Media); err == nil {
			body, err = readJSON(data)
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	d := s.decoder(kind, ref)
	c := codec.DecodeOperation(d, kind, operation, body)
	if err := validated(c, d, body); err != nil {
		s.fail(w, r, err)
		return
	}
	s.carryOut(w, r, principal, c, data)
}

// body asks who sends a body and reads it.
func (s *Server) body(w http.ResponseWriter, r *http.Request, bound int64, types ...string) (command.Principal, []byte, string, error) {
	principal, err := s.principal(r)
	if err != nil {
		return principal, nil, "", err
	}
	data, media, err := readBody(w, r, bound, types...)
	return principal, data, media, err
}

// request is a request of the front door with what the headers say.
func (s *Server) request(r *http.Request, principal command.Principal, body []byte) (*command.Request, error) {
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

// carryOut asks the front door for one command and answers with what became of
// its subject.
func (s *Server) carryOut(w http.ResponseWriter, r *http.Request, principal command.Principal, c domain.Command, body []byte) {
	q, err := s.request(r, principal, body)
	if err == nil {
		q.Commands = []domain.Command{c}
		q.If.Absent = r.Header.Get("If-None-Match") == "*"
		q.If.Revisions, q.If.Exists, err = ifMatch(r)
	}
	var answer command.Answer
	if err == nil {
		answer, err = s.door.Do(r.Context(), q)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	header := w.Header()
	header.Set("Picloud-Position", answer.Position.String())
	if answer.Replayed {
		header.Set("Picloud-Replayed", "true")
	}
	if answer.Status == http.StatusCreated {
		header.Set("Location", c.Subject().Absolute(s.root))
	}
	s.result(w, r, c, answer)
}

// result shows the subject as it is now, unless it is gone or the client asked
// for less (Prefer: return=minimal, RFC 7240).
func (s *Server) result(w http.ResponseWriter, r *http.Request, c domain.Command, answer command.Answer) {
	resource := s.views.View().State.Get(c.Subject())
	if answer.Status == http.StatusNoContent || resource == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	header := w.Header()
	format, err := chosen(r, resourceFormats)
	if err != nil || format == HTML {
		format = JSON
	}
	head := resource.Common()
	header.Set("ETag", etag(head.Revision, head.Last, format))
	if r.Header.Get("Prefer") == "return=minimal" {
		header.Set("Preference-Applied", "return=minimal")
		header.Set("Content-Length", "0")
		w.WriteHeader(answer.Status)
		return
	}
	body, err := s.encode(resource, format)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	header.Set("Content-Type", format.Media)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.Status)
	_, _ = w.Write(body)
}
