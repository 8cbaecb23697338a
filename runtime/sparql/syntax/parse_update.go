package syntax

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// ParseUpdate reads an update request (productions 3 and 29 to 52).
func ParseUpdate(text string, o Options) (*Update, error) {
	p := &parser{Options: o.withDefaults(), text: text, base: o.Base,
		prefixes: map[string]string{}, labels: map[string]int{}}
	p.begin()
	u := &Update{}
	p.prologue()
	for p.err == nil && p.peek().Kind != lex.EOF {
		p.count()
		p.pattern++
		u.Operations = append(u.Operations, p.update())
		if !p.accept(";") {
			break
		}
		p.prologue()
	}
	if p.err == nil && p.peek().Kind != lex.EOF {
		p.fail(`expected ";" or the end of the update, found %s`, p.peek())
	}
	if p.err != nil {
		return nil, p.err
	}
	return u, nil
}

func (p *parser) update() Operation {
	t := *p.peek()
	switch {
	case p.word("LOAD"):
		l := &Load{Silent: p.word("SILENT"), Source: p.iri().Value}
		if p.word("INTO") {
			p.expectWord("GRAPH")
			l.Into = p.iri().Value
		}
		return l
	case p.isWord("CLEAR", "DROP"):
		p.next()
		return &Manage{Action: strings.ToUpper(t.Text), Silent: p.word("SILENT"), Target: p.graphRefAll()}
	case p.word("CREATE"):
		m := &Manage{Action: "CREATE", Silent: p.word("SILENT")}
		p.expectWord("GRAPH")
		m.Target.Graph = p.iri()
		return m
	case p.isWord("ADD", "MOVE", "COPY"):
		p.next()
		x := &Transfer{Action: strings.ToUpper(t.Text), Silent: p.word("SILENT"), From: p.graphOrDefault()}
		p.expectWord("TO")
		x.To = p.graphOrDefault()
		return x
	case p.isWord("INSERT") && isKeyword(p.peekAt(1), "DATA"):
		p.at += 2
		return &InsertData{Quads: p.data("INSERT DATA", true)}
	case p.isWord("DELETE") && isKeyword(p.peekAt(1), "DATA"):
		p.at += 2
		return &DeleteData{Quads: p.data("DELETE DATA", false)}
	case p.isWord("DELETE") && isKeyword(p.peekAt(1), "WHERE"):
		p.at += 2
		return p.deleteWhere()
	case p.isWord("WITH", "DELETE", "INSERT"):
		return p.modify()
	}
	const operations = "INSERT, DELETE, WITH, LOAD, CLEAR, DROP, CREATE, ADD, MOVE or COPY"
	if t := *p.peek(); p.isWord("SELECT", "CONSTRUCT", "DESCRIBE", "ASK") {
		p.failAt(t.Pos, operations, "%s begins a query; an update begins with %s", strings.ToUpper(t.Text), operations)
	}
	p.expected(operations)
	return nil
}

func (p *parser) graphRefAll() Target {
	switch {
	case p.word("DEFAULT"):
		return Target{Kind: TargetDefault}
	case p.word("NAMED"):
		return Target{Kind: TargetNamed}
	case p.word("ALL"):
		return Target{Kind: TargetAll}
	}
	if !p.word("GRAPH") {
		p.expected("GRAPH, DEFAULT, NAMED or ALL")
	}
	return Target{Graph: p.iri()}
}

func (p *parser) graphOrDefault() Target {
	if p.word("DEFAULT") {
		return Target{Kind: TargetDefault}
	}
	p.word("GRAPH")
	return Target{Graph: p.iri()}
}

// data reads QuadData, which has no variables and, where they would mean
// nothing, no blank nodes.
func (p *parser) data(operation string, blanks bool) []QuadPattern {
	p.inData = true
	quads := p.quads(true)
	p.inData = false
	for _, q := range quads {
		for _, n := range []Node{q.Graph, q.S, q.P, q.O} {
			if n.IsVar() {
				p.failAt(q.Pos, "", "%s takes no variables, but ?%s stands here; use INSERT or DELETE with WHERE", operation, n.Var)
			}
		}
	}
	if !blanks {
		p.noBlanks(quads, operation)
	}
	return quads
}

func (p *parser) noBlanks(quads []QuadPattern, operation string) {
	for _, q := range quads {
		for _, n := range []Node{q.S, q.O} {
			if n.Term.Kind == base.BlankTerm || strings.HasPrefix(n.Var, "_:") {
				p.failAt(q.Pos, "", "%s takes no blank nodes: one would match nothing; use a variable and WHERE", operation)
			}
		}
	}
}

// quads reads QuadPattern or QuadData with its braces. In a template blank
// nodes are terms.
func (p *parser) quads(template bool) []QuadPattern {
	p.template = template
	defer func() { p.template = false }()
	var out []QuadPattern
	add := func(graph Node, triples []Triple) {
		for _, t := range triples {
			out = append(out, QuadPattern{Graph: graph, Triple: t})
		}
	}
	p.expect("{")
	add(Node{}, p.triplesBlock(false))
	for p.word("GRAPH") {
		p.count()
		graph := p.varOrIRI()
		p.expect("{")
		add(graph, p.triplesBlock(false))
		p.expect("}")
		p.accept(".")
		add(Node{}, p.triplesBlock(false))
	}
	p.expect("}")
	return out
}

// deleteWhere reads the rest of DELETE WHERE, whose template is its pattern.
func (p *parser) deleteWhere() Operation {
	quads := p.quads(false)
	p.noBlanks(quads, "DELETE WHERE")
	m := &Modify{Delete: quads, Where: &Group{}}
	for _, q := range quads {
		triples := &Triples{Patterns: []Triple{q.Triple}}
		if q.Graph == (Node{}) {
			m.Where.Elements = append(m.Where.Elements, triples)
		} else {
			m.Where.Elements = append(m.Where.Elements, &Graph{Name: q.Graph, Group: &Group{Elements: []Element{triples}}})
		}
	}
	return m
}

func (p *parser) modify() Operation {
	m := &Modify{}
	if p.word("WITH") {
		m.With = p.iri().Value
	}
	deletes := p.word("DELETE")
	if deletes {
		m.Delete = p.quads(true)
		p.noBlanks(m.Delete, "DELETE")
	}
	if p.word("INSERT") {
		m.Insert = p.quads(true)
	} else if !deletes {
		p.expected("DELETE or INSERT")
	}
	for p.word("USING") {
		if p.word("NAMED") {
			m.UsingNamed = append(m.UsingNamed, p.iri().Value)
		} else {
			m.Using = append(m.Using, p.iri().Value)
		}
	}
	p.expectWord("WHERE")
	m.Where = p.group()
	return m
}
