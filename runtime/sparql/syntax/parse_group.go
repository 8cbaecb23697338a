package syntax

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// group reads GroupGraphPattern (production 53).
func (p *parser) group() *Group {
	p.enter()
	defer p.leave()
	// What is allowed in an expression around this group, in EXISTS, does not
	// count inside it.
	allowed, inside := p.aggregatesAllowed, p.inAggregate
	p.aggregatesAllowed, p.inAggregate = false, false
	defer func() { p.aggregatesAllowed, p.inAggregate = allowed, inside }()
	p.expect("{")
	g := &Group{}
	p.pattern++
	if p.isWord("SELECT") {
		g.Elements = append(g.Elements, p.subSelect())
	} else {
		for p.err == nil && !p.peek().Is("}") {
			p.groupElement(g)
		}
	}
	p.expect("}")
	p.pattern++
	return g
}

// groupElement reads triples or one element that is not triples. A filter does
// not end the basic graph pattern around it, everything else does.
func (p *parser) groupElement(g *Group) {
	p.count()
	t := *p.peek()
	if isKeyword(&t, "FILTER") {
		p.next()
		g.Elements = append(g.Elements, &Filter{Expr: p.constraint()})
		p.accept(".")
		return
	}
	if t.Is("{") || t.Kind == lex.Word && p.isWord("OPTIONAL", "MINUS", "GRAPH", "SERVICE", "BIND", "VALUES") {
		p.pattern++
		g.Elements = append(g.Elements, p.notTriples(g))
		p.pattern++
		p.accept(".")
		return
	}
	if !p.startsNode() {
		p.groupExpected(t)
		return
	}
	g.Elements = append(g.Elements, &Triples{Patterns: p.triplesBlock(true)})
}

func (p *parser) groupExpected(t lex.Token) {
	const what = `a triple pattern, FILTER, OPTIONAL, UNION, MINUS, GRAPH, BIND, VALUES or "}"`
	if t.Kind == lex.Word {
		words := []string{"FILTER", "OPTIONAL", "MINUS", "GRAPH", "SERVICE", "BIND", "VALUES", "UNION"}
		if near := didYouMean(t.Text, words); near != "" && !isKeyword(&t, near) {
			p.failAt(t.Pos, what, "expected %s, found %s; did you mean %s?", what, t, near)
		}
	}
	p.expected(what)
}

func (p *parser) notTriples(g *Group) Element {
	switch {
	case p.word("OPTIONAL"):
		return &Optional{Group: p.group()}
	case p.word("MINUS"):
		return &Minus{Group: p.group()}
	case p.word("GRAPH"):
		return &Graph{Name: p.varOrIRI(), Group: p.group()}
	case p.isWord("SERVICE"):
		pos := p.next().Pos
		return &Service{Silent: p.word("SILENT"), Name: p.varOrIRI(), Group: p.group(), Pos: pos}
	case p.word("BIND"):
		return p.bind(g)
	case p.word("VALUES"):
		return p.inlineData()
	}
	union := &Union{Groups: []*Group{p.group()}}
	for p.word("UNION") {
		union.Groups = append(union.Groups, p.group())
	}
	if len(union.Groups) == 1 {
		return union.Groups[0]
	}
	return union
}

func (p *parser) bind(g *Group) Element {
	p.expect("(")
	e := p.expression()
	p.expectWord("AS")
	pos := p.peek().Pos
	v := p.variable()
	p.expect(")")
	var before scope
	before.group(g)
	if before.has(v) {
		p.failAt(pos, "", "BIND(… AS ?%s): the group already uses ?%s before this place; choose another name", v, v)
	}
	return &Bind{Expr: e, Var: v}
}

// inlineData reads DataBlock (production 62).
func (p *parser) inlineData() *InlineData {
	d := &InlineData{}
	if p.isVar() {
		d.Vars = []string{p.variable()}
		p.expect("{")
		for p.err == nil && !p.peek().Is("}") {
			d.Rows = append(d.Rows, []base.Term{p.dataValue()})
		}
		p.expect("}")
		return d
	}
	p.expect("(")
	for p.isVar() {
		d.Vars = append(d.Vars, p.variable())
	}
	p.expect(")")
	p.expect("{")
	for p.err == nil && p.peek().Is("(") {
		d.Rows = append(d.Rows, p.dataRow(len(d.Vars)))
	}
	p.expect("}")
	return d
}

func (p *parser) dataRow(width int) []base.Term {
	pos := p.next().Pos
	row := make([]base.Term, 0, width)
	for p.err == nil && !p.peek().Is(")") {
		row = append(row, p.dataValue())
	}
	p.expect(")")
	if len(row) != width {
		p.failAt(pos, "", "the row has %d values for %d variables", len(row), width)
	}
	return row
}

func (p *parser) dataValue() base.Term {
	if p.word("UNDEF") {
		return base.Term{}
	}
	if t, ok := p.literal(); ok {
		return t
	}
	if !p.isIRI() {
		p.expected("an IRI, a literal or UNDEF")
		return base.Term{}
	}
	return p.iri()
}

// constraint reads Constraint (production 69): an expression in parentheses, a
// built-in call or a function call.
func (p *parser) constraint() Expr {
	if p.peek().Is("(") {
		p.next()
		e := p.expression()
		p.expect(")")
		return e
	}
	if !p.startsConstraint() {
		p.expected("an expression in parentheses or a function call")
		return Var("")
	}
	return p.primary()
}

func (p *parser) startsConstraint() bool {
	t := *p.peek()
	if t.Is("(") || p.isIRI() {
		return true
	}
	if t.Kind != lex.Word || p.isWord("true", "false") {
		return false
	}
	return p.isWord("NOT", "EXISTS") || isFunction(t.Text)
}
