package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
)

// Source is the folder of the ontology within the repository.
const Source = "ontology"

// planner finds things by the names that the model has for them.
type planner struct {
	*Plan
	kinds   map[string]*Kind
	values  map[string]*Value
	enums   map[string]*Enum
	scalars map[string]*Scalar
	events  map[string]*Event
	slices  map[string]*Slice
	tokens  map[string]*Token // phases by name
}

// New plans the names of all output. Its error is of type load.Problems: two
// things would have the same name in Go.
func New(m *model.Model) (*Plan, error) {
	p := &planner{
		Plan:  &Plan{Model: m},
		kinds: map[string]*Kind{}, values: map[string]*Value{}, enums: map[string]*Enum{}, scalars: map[string]*Scalar{},
		events: map[string]*Event{}, slices: map[string]*Slice{}, tokens: map[string]*Token{},
	}
	p.simple()
	p.classes()
	p.fields()
	p.kindEvents()
	p.calls()
	p.sort()
	p.terms()
	p.permissions()
	return p.Plan, p.collisions().Err()
}

// simple plans scalars and enumerations.
func (p *planner) simple() {
	for _, s := range p.Model.Scalars {
		named := &Scalar{Scalar: s, Go: goName(s.Name), Phrase: phrase(s.Comment)}
		if s.Pattern != "" {
			named.Pattern = "pattern" + named.Go
		}
		p.scalars[s.Name] = named
		p.Scalars = append(p.Scalars, named)
	}
	for _, e := range p.Model.Enums {
		named := &Enum{Enum: e, Go: goName(e.Name), Slice: p.Model.Origins[e.Name]}
		named.Term = "Class" + named.Go
		for _, t := range e.Tokens {
			constant := named.Go + goName(t.Token)
			named.Tokens = append(named.Tokens, &Token{Token: t, Go: constant, Term: "Member" + constant})
		}
		p.enums[e.Name] = named
		p.Enums = append(p.Enums, named)
		p.slice(named.Slice).Enums = append(p.slice(named.Slice).Enums, named)
		if e.Name == "Phase" {
			p.Phases = named.Tokens
			for _, t := range named.Tokens {
				p.tokens[t.Name] = t
			}
		}
	}
}

// phrase is the beginning of a sentence, as messages use it: "One line of
// text, without …" is "one line of text".
func phrase(sentence string) string {
	end := strings.IndexAny(sentence, ",;:.")
	return strings.ToLower(sentence[:1]) + sentence[1:end]
}

func (p *planner) slice(name string) *Slice {
	if s := p.slices[name]; s != nil {
		return s
	}
	s := &Slice{Name: name, Source: Source + "/" + name + ".ttl", ValuesFile: "values_" + strings.TrimSuffix(fileName(name), ".go") + ".go"}
	p.slices[name] = s
	p.Slices = append(p.Slices, s)
	return s
}

func (p *planner) classes() {
	for _, c := range p.Model.Model.Classes {
		slice := p.slice(p.Model.Origins[c.Name])
		switch {
		case c.Kind:
			k := p.kind(c, slice)
			p.kinds[c.Name] = k
			p.Kinds = append(p.Kinds, k)
			slice.Kinds = append(slice.Kinds, k)
		case c.Abstract:
			p.Abstracts = append(p.Abstracts, &Abstract{Class: c, Go: goName(c.Name), Term: "Class" + goName(c.Name)})
		default:
			v := &Value{Class: c, Go: goName(c.Name), Slice: slice.Name, Article: article(c.Label)}
			v.Term, v.Receiver = "Class"+v.Go, strings.ToLower(v.Go[:1])
			p.values[c.Name] = v
			p.Values = append(p.Values, v)
			slice.Values = append(slice.Values, v)
		}
	}
}

func (p *planner) kind(c *base.Class, slice *Slice) *Kind {
	name := goName(c.Name)
	k := &Kind{
		Class: c, Go: name, GoPlural: goName(c.Plural), Const: "Kind" + name, Term: "Class" + name,
		File: fileName(c.Word), Doc: c.Word + ".md", Source: slice.Source, Schema: c.Word + ".json",
		Receiver: strings.ToLower(name[:1]), Article: article(c.Label), A: upperFirst(article(c.Label)), Var: varName(c.Word),
		Spec: name + "Spec", Declare: "Declare" + name, Delete: "Delete" + name,
	}
	if c.Origin != base.Declared {
		k.Spec, k.Declare, k.Delete, k.End = "", "", "", "End"+name
	}
	if c.Singleton {
		k.Delete = ""
	}
	if c.Dataset {
		k.ChangeDataset = "Change" + name + "Dataset"
	}
	return k
}

// fields plans the fields of all classes. Map entries come first, because
// their keys are no fields of theirs.
func (p *planner) fields() {
	for _, c := range p.Model.Model.Classes {
		for _, f := range c.Fields {
			if v := p.values[f.Object]; f.Form == base.Map && v.Key == nil {
				v.Key = p.field(v.Class.Field(f.Key))
				if f.Value != "" {
					v.Scalar = p.field(v.Class.Field(f.Value))
				}
			}
		}
	}
	for _, v := range p.Values {
		for _, f := range v.Class.Fields {
			if v.Key == nil || f != v.Key.Field {
				v.Fields = append(v.Fields, p.field(f))
			}
		}
		for _, names := range v.Class.Alternatives {
			var set []*Field
			for _, name := range names {
				set = append(set, fieldNamed(v.Fields, name))
			}
			v.Alternatives = append(v.Alternatives, set)
		}
	}
	for _, v := range p.Values {
		v.References = p.holds(v.Class, func(f *base.Field) bool { return f.Type == base.TypeRef && f.Target != "" })
		v.Sensitive = p.holds(v.Class, func(f *base.Field) bool { return f.Sensitive })
	}
	p.headAndOwn()
}

// headAndOwn tells the head of every resource from what kinds add.
func (p *planner) headAndOwn() {
	head := map[string]bool{}
	for _, a := range p.Abstracts {
		for _, f := range a.Class.Fields {
			named := p.field(f)
			a.Fields = append(a.Fields, named)
			if a.Name == rootClass && f.Observed {
				p.Head = append(p.Head, named)
				head[f.IRI] = true
			}
		}
	}
	for _, f := range p.Model.Envelope {
		p.Envelope = append(p.Envelope, p.field(f))
	}
	for _, k := range p.Kinds {
		for _, f := range k.Class.Fields {
			switch {
			case head[f.IRI]:
			case f.Observed:
				k.Observed = append(k.Observed, p.field(f))
			default:
				k.Declared = append(k.Declared, p.field(f))
			}
		}
		if k.Origin != base.Declared {
			// Nobody declares anything of it: what kinds inherit stays absent.
			k.Declared = nil
		}
		if len(k.Observed) > 0 {
			k.Status = k.Go + "Status"
		}
	}
	for _, a := range p.Abstracts {
		for _, name := range a.Class.Kinds {
			a.Kinds = append(a.Kinds, p.kinds[name])
		}
	}
}

// rootClass is the class of everything that has an address.
const rootClass = "Resource"

func fieldNamed(fields []*Field, name string) *Field {
	for _, f := range fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// holds reports whether a class has such a field, at any depth.
func (p *planner) holds(c *base.Class, such func(*base.Field) bool) bool {
	return slices.ContainsFunc(c.Fields, func(f *base.Field) bool {
		return such(f) || f.Object != "" && p.holds(p.values[f.Object].Class, such)
	})
}

// sort puts everything into the order that Plan promises.
func (p *planner) sort() {
	slices.SortFunc(p.Kinds, func(x, y *Kind) int { return cmp.Compare(x.Word, y.Word) })
	slices.SortFunc(p.Values, func(x, y *Value) int { return cmp.Compare(x.Go, y.Go) })
	slices.SortFunc(p.Enums, func(x, y *Enum) int { return cmp.Compare(x.Go, y.Go) })
	slices.SortFunc(p.Slices, func(x, y *Slice) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(p.Events, func(x, y *Event) int { return cmp.Compare(x.Name, y.Name) })
	for _, routes := range [][]*Route{p.Routes, p.DatasetRoutes} {
		slices.SortFunc(routes, func(x, y *Route) int {
			return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Action, y.Action), cmp.Compare(x.ID, y.ID))
		})
	}
	slices.SortFunc(p.Abstracts, func(x, y *Abstract) int {
		return cmp.Or(-compareBool(x.Name == rootClass, y.Name == rootClass), cmp.Compare(x.Name, y.Name))
	})
	for _, s := range p.Slices {
		slices.SortFunc(s.Kinds, func(x, y *Kind) int { return cmp.Compare(x.Word, y.Word) })
	}
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// terms lists every IRI that quads use.
func (p *planner) terms() {
	for _, k := range p.Kinds {
		p.Terms = append(p.Terms, Term{k.Term, k.Class.IRI})
	}
	for _, a := range p.Abstracts {
		p.Terms = append(p.Terms, Term{a.Term, a.Class.IRI})
	}
	for _, v := range p.Values {
		p.Terms = append(p.Terms, Term{v.Term, v.Class.IRI})
	}
	p.Terms = append(p.Terms, Term{"ClassEvent", base.Ontology + "Event"})
	for _, e := range p.Events {
		p.Terms = append(p.Terms, Term{e.Term, e.IRI})
	}
	for _, a := range p.Abstracts {
		for _, e := range a.Events {
			p.Terms = append(p.Terms, Term{e.Term, e.IRI})
		}
	}
	properties := map[string]string{}
	for _, q := range p.Model.Properties {
		properties["Prop"+goName(q.Name)] = q.IRI
	}
	add := func(f *base.Field) { properties["Prop"+goName(local(f.IRI))] = f.IRI }
	for _, c := range p.Model.Model.Classes {
		for _, f := range c.Fields {
			add(f)
		}
	}
	for _, f := range p.Model.Envelope {
		add(f)
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p.Terms = append(p.Terms, Term{name, properties[name]})
	}
	for _, e := range p.Enums {
		for _, t := range e.Tokens {
			p.Terms = append(p.Terms, Term{t.Term, t.IRI})
		}
	}
}

func local(iri string) string { return iri[strings.LastIndexAny(iri, "#/")+1:] }

func (p *planner) permissions() {
	for _, k := range p.Kinds {
		rights := []string{"read"}
		if k.Declare != "" {
			rights = append(rights, "write")
		}
		if k.Delete != "" {
			rights = append(rights, "delete")
		}
		if k.Observe != "" {
			rights = append(rights, "observe")
		}
		for _, right := range rights {
			p.Permissions = append(p.Permissions, k.Word+":"+right)
		}
		for _, o := range k.Operations {
			p.Permissions = append(p.Permissions, o.Permission)
		}
	}
	slices.Sort(p.Permissions)
}

// collisions are names that two declarations of one package would share.
func (p *planner) collisions() (problems load.Problems) {
	taken := map[string]string{}
	for _, fixed := range []string{"Kind", "Event", "EventType", "Head", "Resource", "Command", "Payload", "Dataset", "DatasetHolder", "DatasetChange", "DatasetChangeMax", "Evolve", "Decide", "Supertypes"} {
		taken[strings.ToLower(fixed)] = "the fixed part of the package"
	}
	claim := func(name, who string) {
		if name == "" {
			return
		}
		lower := strings.ToLower(name)
		if other, ok := taken[lower]; ok && other != who {
			problems = append(problems, load.Problem{Message: fmt.Sprintf("Go name %s of %s is that of %s too; rename one of them", name, who, other)})
			return
		}
		taken[lower] = who
	}
	for _, k := range p.Kinds {
		for _, name := range []string{k.Go, k.Spec, k.Status, k.Declare, k.Delete, k.Observe, k.ChangeDataset, k.Const} {
			claim(name, "kind "+k.Go)
		}
		for _, o := range slices.Concat(k.Operations, k.Reports) {
			claim(o.Go, "operation "+o.Go)
		}
		for _, e := range k.Events {
			claim(e.Go, "event "+e.Go)
			claim(e.Const, "event "+e.Go)
		}
	}
	for _, v := range p.Values {
		claim(v.Go, "value class "+v.Go)
	}
	for _, e := range p.Enums {
		claim(e.Go, "enumeration "+e.Go)
		for _, t := range e.Tokens {
			claim(t.Go, "token "+t.Name)
		}
	}
	return problems
}
