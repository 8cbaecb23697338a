package syntax

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// expression reads Expression (production 110).
func (p *parser) expression() Expr {
	p.enter()
	defer p.leave()
	return p.chain("||", func() Expr { return p.chain("&&", p.relational) })
}

// chain reads operands joined by one associative operator.
func (p *parser) chain(op string, operand func() Expr) Expr {
	left := operand()
	for p.accept(op) {
		p.count()
		left = Call{Op: op, Args: []Expr{left, operand()}}
	}
	return left
}

func (p *parser) relational() Expr {
	left := p.additive()
	for _, op := range []string{"=", "!=", "<=", ">=", "<", ">"} {
		if p.accept(op) {
			return Call{Op: op, Args: []Expr{left, p.additive()}}
		}
	}
	if p.word("IN") {
		return Call{Op: "IN", Args: append([]Expr{left}, p.arguments()...)}
	}
	if p.isWord("NOT") && isKeyword(p.peekAt(1), "IN") {
		p.at += 2
		return Call{Op: "NOT IN", Args: append([]Expr{left}, p.arguments()...)}
	}
	return left
}

// additive reads AdditiveExpression; a number with a sign, as in ?a -1, is an
// operator and its operand.
func (p *parser) additive() Expr {
	left := p.multiplicative()
	for p.err == nil {
		t := *p.peek()
		switch {
		case t.Is("+") || t.Is("-"):
			p.next()
			left = Call{Op: t.Text, Args: []Expr{left, p.multiplicative()}}
		case isSigned(t):
			p.next()
			sign := t.Text[:1]
			t.Text = t.Text[1:]
			left = Call{Op: sign, Args: []Expr{left, p.factors(Const{Term: number(t)})}}
		default:
			return left
		}
		p.count()
	}
	return left
}

func isSigned(t lex.Token) bool {
	number := t.Kind == lex.Integer || t.Kind == lex.Decimal || t.Kind == lex.Double
	return number && (t.Text[0] == '+' || t.Text[0] == '-')
}

func (p *parser) multiplicative() Expr { return p.factors(p.unary()) }

func (p *parser) factors(left Expr) Expr {
	for {
		t := *p.peek()
		if !t.Is("*") && !t.Is("/") {
			return left
		}
		p.next()
		p.count()
		left = Call{Op: t.Text, Args: []Expr{left, p.unary()}}
	}
}

func (p *parser) unary() Expr {
	p.enter()
	defer p.leave()
	switch {
	case p.accept("!"):
		return Call{Op: "!", Args: []Expr{p.unary()}}
	case p.accept("-"):
		return Call{Op: "u-", Args: []Expr{p.unary()}}
	case p.accept("+"):
		return Call{Op: "u+", Args: []Expr{p.unary()}}
	}
	return p.primary()
}

// primary reads PrimaryExpression (production 119).
func (p *parser) primary() Expr {
	p.enter()
	defer p.leave()
	p.count()
	t := *p.peek()
	switch {
	case t.Is("("):
		p.next()
		e := p.expression()
		p.expect(")")
		return e
	case t.Kind == lex.Var:
		return Var(p.variable())
	case p.isIRI():
		return p.iriOrFunction()
	}
	if literal, ok := p.literal(); ok {
		return Const{Term: literal}
	}
	if t.Kind == lex.Word {
		return p.builtin()
	}
	p.expected("an expression")
	return Var("")
}

func (p *parser) iriOrFunction() Expr {
	iri := p.iri()
	if !p.peek().Is("(") {
		return Const{Term: iri}
	}
	if p.peekAt(1).Kind == lex.Word && isKeyword(p.peekAt(1), "DISTINCT") {
		p.fail("<%s> is not an aggregate: DISTINCT has no place here", iri.Value)
	}
	return Function{IRI: iri.Value, Args: p.arguments()}
}

// arguments reads ( a, b, … ).
func (p *parser) arguments() []Expr {
	p.expect("(")
	var args []Expr
	if p.accept(")") {
		return args
	}
	for p.err == nil {
		args = append(args, p.expression())
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return args
}

// builtin reads BuiltInCall (production 121).
func (p *parser) builtin() Expr {
	t := p.next()
	name := strings.ToUpper(t.Text)
	switch {
	case name == "EXISTS":
		return ExistsGroup{Group: p.group()}
	case name == "NOT" && p.word("EXISTS"):
		return ExistsGroup{Not: true, Group: p.group()}
	case isAggregate(name):
		return p.aggregate(name, t)
	}
	least, most, ok := arity(name)
	if !ok {
		p.unknownFunction(t)
		return Var("")
	}
	args := p.arguments()
	if p.err == nil && (len(args) < least || most >= 0 && len(args) > most) {
		p.failAt(t.Pos, "", "%s takes %s, not %d", name, arityText(least, most), len(args))
	}
	if name == "BOUND" && p.err == nil {
		if _, is := args[0].(Var); !is {
			p.failAt(t.Pos, "", "BOUND takes a variable")
		}
	}
	if name == "URI" {
		name = "IRI"
	}
	if name == "IRI" {
		// The base of the text, not that of the server, resolves the argument.
		args = append(args, Const{Term: base.IRI(p.base)})
	}
	return Call{Op: name, Args: args}
}

func (p *parser) unknownFunction(t lex.Token) {
	if near := didYouMean(t.Text, functionNames()); near != "" {
		p.failAt(t.Pos, "an expression", "there is no function %s; did you mean %s?", t.Text, near)
		return
	}
	p.failAt(t.Pos, "an expression", "expected an expression, found %s", t)
}

// aggregate reads Aggregate (production 127).
func (p *parser) aggregate(name string, t lex.Token) Expr {
	if p.inAggregate {
		p.failAt(t.Pos, "", "an aggregate cannot stand inside another; compute the inner one in a sub-query")
	} else if !p.aggregatesAllowed {
		p.failAt(t.Pos, "", "%s is an aggregate and can stand only in SELECT, HAVING and ORDER BY; use HAVING instead of FILTER", name)
	}
	p.inAggregate = true
	defer func() { p.inAggregate = false }()
	a := Aggregate{Name: name, Separator: " "}
	p.expect("(")
	a.Distinct = p.word("DISTINCT")
	if name == "COUNT" && p.accept("*") {
		p.expect(")")
		return a
	}
	a.Arg = p.expression()
	if name == "GROUP_CONCAT" && p.accept(";") {
		p.expectWord("SEPARATOR")
		p.expect("=")
		s := p.next()
		if s.Kind != lex.String {
			p.at--
			p.expected("a string")
		}
		a.Separator = s.Text
	}
	p.expect(")")
	return a
}
