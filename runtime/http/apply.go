package http

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
)

// described is one resource of a deployment as it was sent.
type described struct {
	class   *base.Class
	address base.Address
	value   *base.Value
}

// apply answers POST /apply: a whole deployment, at once or not at all.
func (s *Server) apply(w http.ResponseWriter, r *http.Request) error {
	if err := s.door.May(principalOf(r), "deployment:write", "", "/"); err != nil { // what is in it is asked for later
		return err
	}
	data, media, err := readBody(w, r, deploymentBytes, resourceBodies...)
	if err != nil {
		return err
	}
	list, err := s.readDeployment(data, media)
	if err != nil {
		return err
	}
	q, err := s.request(r, data)
	if err == nil {
		q.Apply, err = applyOptions(r, list)
	}
	if err == nil {
		q.Deployment = q.Apply.Deployment
		q.Commands, err = s.declarations(list, q.Deployment)
	}
	var answer command.Answer
	if err == nil {
		answer, err = s.door.Do(r.Context(), q)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Picloud-Position", answer.Position.String())
	w.Header().Set("Cache-Control", "no-store")
	if answer.Replayed {
		w.Header().Set("Picloud-Replayed", "true")
	}
	if q.Apply.Brief {
		w.Header().Set("Preference-Applied", "return=minimal")
		w.Header().Set("Content-Length", "0")
		return nil
	}
	s.writePlan(w, q, answer)
	return nil
}

// applyOptions reads the query of POST /apply. Without a name a deployment is
// called like its single product.
func applyOptions(r *http.Request, list []described) (*command.Apply, error) {
	query := r.URL.Query()
	a := &command.Apply{
		Deployment: query.Get("deployment"), Prune: query.Get("prune") == "true",
		TakeOver: query.Get("take-over") == "true", DryRun: query.Get("dry-run") == "true",
	}
	a.Brief = !a.DryRun && prefersMinimal(r)
	if a.Deployment == "" {
		a.Deployment = productOf(list)
	}
	if a.Deployment == "" && len(list) == 0 {
		return nil, &base.Error{Code: base.Invalid, Detail: "the deployment lists no resource"}
	}
	if a.Deployment == "" {
		return nil, &base.Error{Code: base.Invalid, Detail: "the deployment is not of one product alone; name it with ?deployment="}
	}
	if text := r.Header.Get("If-Match"); text != "" {
		raw, err := hex.DecodeString(strings.Trim(text, `"`))
		if err != nil || len(raw) != len(command.Digest{}) {
			return nil, &base.Error{Code: base.Unparsable, Detail: "If-Match is no plan; send the ETag of a dry run"}
		}
		digest := command.Digest(raw)
		a.If = &digest
	}
	return a, nil
}

// productOf is the name of the one product that everything belongs to, or "".
func productOf(list []described) (name string) {
	for _, d := range list {
		product := d.address.Ref.Scope()
		if product == "" || name != "" && name != product.Name() {
			return ""
		}
		name = product.Name()
	}
	return name
}

// readDeployment reads the resources of a body in any format.
func (s *Server) readDeployment(data []byte, media string) ([]described, error) {
	if media != JSON.Media {
		return s.readGraphDeployment(data, media)
	}
	v, fault := base.ReadJSON(data, base.Limits{Bytes: deploymentBytes})
	if fault != nil {
		return nil, fault
	}
	resources := v.Get("resources")
	if resources == nil || resources.Kind != base.ArrayValue || len(v.Members) != 1 {
		return nil, &base.Error{Code: base.Invalid, Detail: `a deployment is {"resources": [ … ]}, each with kind and iri`}
	}
	var list []described
	var violations []base.Violation
	for i, item := range resources.Items {
		d, message := s.addressed(item)
		if message != "" {
			violations = append(violations, base.Violation{ID: "address", Message: message, Pointer: fmt.Sprintf("/resources/%d", i), Line: item.Line, Column: item.Column})
			continue
		}
		list = append(list, d)
	}
	if len(violations) > 0 {
		return nil, &base.Error{Code: base.Invalid, Detail: "a resource has no address", Violations: violations}
	}
	return list, nil
}

// addressed finds kind and address of a resource in a JSON deployment.
func (s *Server) addressed(v *base.Value) (described, string) {
	kind, iri := v.Get("kind"), v.Get("iri")
	if kind == nil || iri == nil {
		return described{}, "kind and iri are needed"
	}
	if schema.Model.Kind(kind.Text) == nil {
		return described{}, fmt.Sprintf("there is no kind %q", kind.Text)
	}
	class, address, violation := schema.Model.AddressOf(base.Ref(strings.TrimPrefix(iri.Text, s.root)))
	if violation != nil {
		return described{}, violation.Message
	}
	if class.Word != kind.Text {
		return described{}, fmt.Sprintf("%s is the address of a %s, not of a %s", iri.Text, class.Word, kind.Text)
	}
	return described{class, address, v}, ""
}

func (s *Server) readGraphDeployment(data []byte, media string) ([]described, error) {
	quads, err := readRDF(data, media, s.root+"/")
	if err != nil {
		return nil, err
	}
	parts, violations := base.SplitGraph(schema.Model, s.root, quads)
	list := make([]described, len(parts))
	for i, part := range parts {
		v, more := base.ReadGraph(schema.Model, part.Class, s.root, part.Subject, part.Quads)
		violations = append(violations, more...)
		list[i] = described{part.Class, part.Address, v}
	}
	if len(violations) > 0 {
		return nil, &base.Error{Code: base.Invalid, Detail: "the body does not describe resources of this cluster", Violations: violations}
	}
	return list, nil
}

// declarations decodes the resources of a deployment and lists everything that
// is wrong in any of them.
func (s *Server) declarations(list []described, deployment string) ([]domain.Command, error) {
	commands := make([]domain.Command, 0, len(list))
	var violations []base.Violation
	for i, resource := range list {
		d := s.decoder(domain.Kind(resource.class.Word), resource.address.Ref)
		d.Resolve = func(class *base.Class, product base.Ref, name string) (base.Ref, bool) {
			return s.resolveWithin(list, class, product, name)
		}
		var err error
		c := codec.DecodeDeclare(d, domain.Kind(resource.class.Word), resource.value, deployment)
		if c == nil {
			err = &base.Error{Violations: []base.Violation{{ID: "origin", Message: fmt.Sprintf("a %s is not declared; the platform makes it", resource.class.Word)}}}
		} else if err = checkName(resource.address.Ref); err == nil {
			err = validated(c, d, resource.value)
		}
		if e, ok := err.(*base.Error); ok {
			for _, v := range e.Violations {
				v.Pointer = fmt.Sprintf("/resources/%d%s", i, v.Pointer)
				violations = append(violations, v)
			}
		}
		commands = append(commands, c)
	}
	if len(violations) > 0 {
		return nil, &base.Error{Code: base.Invalid, Detail: "the deployment breaks rules", Violations: violations}
	}
	return commands, nil
}

// resolveWithin looks for a name in the deployment first, then in the cluster.
func (s *Server) resolveWithin(list []described, class *base.Class, product base.Ref, name string) (found base.Ref, ok bool) {
	for _, d := range list {
		if d.address.Name == name && d.address.Product == product && contains(class.Kinds, d.class.Name) {
			if ok {
				return "", false
			}
			found, ok = d.address.Ref, true
		}
	}
	if ok {
		return found, true
	}
	return s.resolve(class, product, name)
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// writePlan answers with what a deployment does, or did.
func (s *Server) writePlan(w http.ResponseWriter, q *command.Request, answer command.Answer) {
	e := base.Encoder{Root: s.root}
	e.Begin()
	e.Text("deployment", q.Deployment)
	e.Integer("position", int64(answer.Position))
	if !q.Apply.DryRun {
		e.Integer("events", int64(answer.Events))
		e.Text("correlation", q.Correlation)
	}
	if plan := answer.Plan; plan != nil {
		w.Header().Set("ETag", `"`+hex.EncodeToString(plan.Digest[:])+`"`)
		appendPlan(&e, plan)
	}
	e.End()
	w.Header().Set("Content-Type", JSON.Media)
	_, _ = w.Write(append(e.Buffer, '\n'))
}

func appendPlan(e *base.Encoder, plan *command.Plan) {
	counts := map[command.Action]int64{}
	e.Name("changes")
	e.BeginArray()
	for _, step := range plan.Steps {
		counts[step.Action]++
		e.Begin()
		e.Text("action", string(step.Action))
		e.Text("kind", string(step.Kind))
		e.Ref("iri", step.Ref)
		if len(step.Fields) > 0 {
			e.Name("fields")
			e.BeginArray()
			for _, change := range step.Fields {
				e.Begin()
				e.Text("pointer", change.Pointer)
				for _, side := range []struct {
					name  string
					value *base.Value
				}{{"before", change.Before}, {"after", change.After}} {
					if side.value != nil {
						e.Name(side.name)
						e.Raw(base.AppendValue(nil, side.value))
					}
				}
				e.End()
			}
			e.EndArray()
		}
		e.End()
	}
	e.EndArray()
	e.Object("summary")
	for _, action := range []command.Action{command.Create, command.Change, command.Delete, command.Keep} {
		e.Integer(string(action), counts[action])
	}
	e.End()
}
