package reasoning

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// id stands for a term in one engine; 0 is none. Those of the names in the rule
// table come first and are the same in every engine of a program.
type id = uint32

// The predicate of a fact carries the relation in its upper bits; relation 0
// is that of triples.
const (
	idBits = 26
	idMask = 1<<idBits - 1
	maxID  = idMask
)

// ref is a place of an atom: a variable, or a constant when v < 0.
type ref struct {
	v int8
	c id
}

// atom is a triple pattern, a pattern of an auxiliary relation, or a test.
type atom struct {
	places [3]ref // subject, predicate, object
	rel    uint32 // of the predicate
	test   *test  // then places are its arguments
}

// parsed is a rule of the table as atoms.
type parsed struct {
	name  string
	body  []atom
	tests []atom
	head  []atom // none: false
	vars  []string
}

// names are what the rules of a program speak of.
type names struct {
	terms     []base.Term // by id-1
	ids       map[string]id
	relations map[string]uint32
}

func newNames() *names {
	return &names{ids: map[string]id{}, relations: map[string]uint32{}}
}

// id of a prefixed name.
func (n *names) id(name string) id {
	if have, ok := n.ids[name]; ok {
		return have
	}
	prefix, local, _ := strings.Cut(name, ":")
	space, ok := map[string]string{"rdf": base.RDF, "rdfs": base.RDFS, "owl": owl, "xsd": base.XSD}[prefix]
	if !ok {
		panic(fmt.Sprintf("reasoning: the rule table has the unknown name %q", name))
	}
	n.terms = append(n.terms, base.IRI(space+local))
	n.ids[name] = id(len(n.terms))
	return n.ids[name]
}

func (n *names) relation(name string) uint32 {
	if _, ok := n.relations[name]; !ok {
		n.relations[name] = uint32(len(n.relations)+1) << idBits
	}
	return n.relations[name]
}

// parse reads a line of the rule table. The table is ours, so that a mistake in
// it is a defect of the program; a test parses all of it.
func (n *names) parse(r rule) parsed {
	p := parsed{name: r.name}
	body, head, ok := strings.Cut(r.text, " => ")
	if !ok {
		panic("reasoning: no => in " + r.name)
	}
	for _, text := range strings.Split(body, " . ") {
		if a := n.atom(&p, text); a.test != nil {
			p.tests = append(p.tests, a)
		} else {
			p.body = append(p.body, a)
		}
	}
	if head != "false" {
		for _, text := range strings.Split(head, " . ") {
			p.head = append(p.head, n.atom(&p, text))
		}
	}
	return p
}

func (n *names) atom(p *parsed, text string) (a atom) {
	for i := range a.places {
		a.places[i].v = -1
	}
	name, arguments, call := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	words := strings.Fields(arguments)
	if !call {
		words = strings.Fields(text)
		if len(words) != 3 {
			panic(fmt.Sprintf("reasoning: %s: %q is no atom", p.name, text))
		}
	} else if t, ok := tests[name]; ok {
		a.test = &t
	} else {
		a.rel = n.relation(name)
		if len(words) == 2 {
			words = []string{words[0], "", words[1]}
		}
	}
	for i, word := range words {
		if word != "" {
			a.places[i] = n.place(p, word)
		}
	}
	return a
}

func (n *names) place(p *parsed, word string) ref {
	if word[0] != '?' {
		return ref{v: -1, c: n.id(word)}
	}
	for i, v := range p.vars {
		if v == word {
			return ref{v: int8(i)}
		}
	}
	p.vars = append(p.vars, word)
	return ref{v: int8(len(p.vars) - 1)}
}
