package syntax

import (
	"math"
	"slices"
	"strconv"

	"github.com/picloud/picloud/runtime/rdf/lex"
)

// query reads Query (production 2).
func (p *parser) query() *Query {
	p.prologue()
	q := &Query{Limit: -1}
	switch {
	case p.word("SELECT"):
		p.selectQuery(q, true)
	case p.word("CONSTRUCT"):
		p.constructQuery(q)
	case p.word("DESCRIBE"):
		p.describeQuery(q)
	case p.word("ASK"):
		q.Form = Ask
		p.datasetClauses(q)
		p.word("WHERE")
		q.Where = p.group()
		p.solutionModifiers(q)
	default:
		p.startExpected()
	}
	if p.isWord("VALUES") {
		p.next()
		q.Values = p.inlineData()
	}
	if p.err == nil && p.peek().Kind != lex.EOF {
		p.fail("expected the end of the query, found %s", p.peek())
	}
	p.checkProjection(q)
	return q
}

func (p *parser) startExpected() {
	const forms = "SELECT, CONSTRUCT, DESCRIBE or ASK"
	t := *p.peek()
	if t.Kind == lex.Word {
		for _, update := range []string{"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "ADD", "MOVE", "COPY", "WITH"} {
			if isKeyword(&t, update) {
				p.failAt(t.Pos, forms, "%s begins an update; a query begins with %s", update, forms)
			}
		}
		if near := didYouMean(t.Text, []string{"SELECT", "CONSTRUCT", "DESCRIBE", "ASK", "PREFIX", "BASE"}); near != "" {
			p.failAt(t.Pos, forms, "expected %s, found %s; did you mean %s?", forms, t, near)
		}
	}
	p.expected(forms)
}

// selectQuery reads SelectQuery or, without dataset clauses, SubSelect.
func (p *parser) selectQuery(q *Query, top bool) {
	q.Form = Select
	q.Distinct = p.word("DISTINCT")
	q.Reduced = !q.Distinct && p.word("REDUCED")
	if p.accept("*") {
		q.Star = true
	} else {
		p.aggregatesAllowed = true
		for p.isVar() || p.peek().Is("(") {
			q.Projection = append(q.Projection, p.projection())
		}
		p.aggregatesAllowed = false
		if len(q.Projection) == 0 {
			p.expected("*, a variable or (expression AS ?variable)")
		}
	}
	if top {
		p.datasetClauses(q)
	}
	p.word("WHERE")
	q.Where = p.group()
	p.solutionModifiers(q)
}

func (p *parser) projection() Projection {
	p.count()
	if p.isVar() {
		return Projection{Var: p.variable()}
	}
	p.expect("(")
	e := p.expression()
	p.expectWord("AS")
	v := p.variable()
	p.expect(")")
	return Projection{Var: v, Expr: e}
}

func (p *parser) datasetClauses(q *Query) {
	for p.word("FROM") {
		if p.word("NAMED") {
			q.FromNamed = append(q.FromNamed, p.iri().Value)
		} else {
			q.From = append(q.From, p.iri().Value)
		}
	}
}

func (p *parser) constructQuery(q *Query) {
	q.Form = Construct
	if p.peek().Is("{") {
		p.next()
		p.template = true
		q.Template = p.triplesBlock(false)
		p.template = false
		p.expect("}")
		p.datasetClauses(q)
		p.word("WHERE")
		q.Where = p.group()
	} else {
		p.datasetClauses(q)
		p.expectWord("WHERE")
		p.expect("{")
		triples := p.triplesBlock(false)
		p.expect("}")
		q.Where = &Group{}
		if len(triples) > 0 {
			q.Where.Elements = []Element{&Triples{Patterns: triples}}
		}
		q.Template = templateOf(triples)
	}
	p.solutionModifiers(q)
}

func (p *parser) describeQuery(q *Query) {
	q.Form = Describe
	if p.accept("*") {
		q.Star = true
	} else {
		for p.isVar() || p.isIRI() {
			p.count()
			q.Describe = append(q.Describe, p.varOrIRI())
		}
		if len(q.Describe) == 0 {
			p.expected("*, a variable or an IRI")
		}
	}
	p.datasetClauses(q)
	if p.word("WHERE") || p.peek().Is("{") {
		q.Where = p.group()
	}
	p.solutionModifiers(q)
}

func (p *parser) solutionModifiers(q *Query) {
	p.groupBy(q)
	if p.word("HAVING") {
		p.aggregatesAllowed = true
		q.Having = append(q.Having, p.constraint())
		for p.startsConstraint() {
			q.Having = append(q.Having, p.constraint())
		}
		p.aggregatesAllowed = false
	}
	p.orderBy(q)
	p.limits(q)
}

func (p *parser) groupBy(q *Query) {
	if !p.word("GROUP") {
		return
	}
	p.expectWord("BY")
	for {
		switch {
		case p.isVar():
			name := p.variable()
			q.GroupBy = append(q.GroupBy, GroupKey{Expr: Var(name), Var: name})
		case p.accept("("):
			key := GroupKey{Expr: p.expression()}
			if p.word("AS") {
				key.Var = p.variable()
			}
			p.expect(")")
			q.GroupBy = append(q.GroupBy, key)
		case p.startsConstraint():
			q.GroupBy = append(q.GroupBy, GroupKey{Expr: p.constraint()})
		default:
			if len(q.GroupBy) == 0 {
				p.expected("a variable or an expression to group by")
			}
			return
		}
		p.count()
	}
}

func (p *parser) orderBy(q *Query) {
	if !p.word("ORDER") {
		return
	}
	p.expectWord("BY")
	p.aggregatesAllowed = true
	defer func() { p.aggregatesAllowed = false }()
	for {
		switch {
		case p.isWord("ASC", "DESC"):
			desc := p.word("DESC") || !p.word("ASC")
			p.expect("(")
			q.OrderBy = append(q.OrderBy, OrderKey{Expr: p.expression(), Desc: desc})
			p.expect(")")
		case p.isVar():
			q.OrderBy = append(q.OrderBy, OrderKey{Expr: Var(p.variable())})
		case p.startsConstraint():
			q.OrderBy = append(q.OrderBy, OrderKey{Expr: p.constraint()})
		default:
			if len(q.OrderBy) == 0 {
				p.expected("a variable, ASC(…), DESC(…) or an expression in parentheses")
			}
			return
		}
		p.count()
	}
}

func (p *parser) limits(q *Query) {
	seen := map[string]bool{}
	for p.isWord("LIMIT", "OFFSET") {
		limit := p.isWord("LIMIT")
		t := p.next()
		if name := strconv.FormatBool(limit); seen[name] {
			p.failAt(t.Pos, "", "%s is given twice", t.Text)
		} else {
			seen[name] = true
		}
		n := p.count64()
		if limit {
			q.Limit = n
		} else {
			q.Offset = n
		}
	}
}

// count64 reads a number without a sign; one that is too large is as good as
// the largest.
func (p *parser) count64() int {
	t := *p.peek()
	if t.Kind != lex.Integer || t.Text[0] == '+' || t.Text[0] == '-' {
		p.expected("a whole number")
		return 0
	}
	p.at++
	n, err := strconv.Atoi(t.Text)
	if err != nil {
		return math.MaxInt
	}
	return n
}

// subSelect reads SubSelect; its braces belong to the caller.
func (p *parser) subSelect() *SubSelect {
	p.expectWord("SELECT")
	q := &Query{Limit: -1}
	p.selectQuery(q, false)
	if p.word("VALUES") {
		q.Values = p.inlineData()
	}
	p.checkProjection(q)
	return &SubSelect{Query: q}
}

// checkProjection fills the projection of SELECT * and enforces the notes of
// section 19.8 about the scope of variables in a SELECT clause.
func (p *parser) checkProjection(q *Query) {
	if p.err != nil || q.Where == nil {
		return
	}
	var scope scope
	scope.group(q.Where)
	if q.Star {
		if len(q.GroupBy) > 0 && q.Form == Select {
			p.fail("SELECT * cannot stand beside GROUP BY; name the variables")
		}
		if q.Values != nil {
			scope.add(q.Values.Vars...)
		}
		for _, v := range scope.order {
			if q.Form == Select {
				q.Projection = append(q.Projection, Projection{Var: v})
			} else {
				q.Describe = append(q.Describe, Node{Var: v})
			}
		}
		return
	}
	grouped := len(q.GroupBy) > 0 || q.hasAggregates()
	visible := keysInScope(q)
	seen := map[string]bool{}
	for _, item := range q.Projection {
		if seen[item.Var] && item.Expr != nil {
			p.fail("the variable ?%s is selected twice", item.Var)
		}
		if item.Expr != nil && scope.has(item.Var) {
			p.fail("(… AS ?%s): the pattern already uses ?%s; choose another name", item.Var, item.Var)
		}
		if grouped {
			p.checkGrouped(item, visible)
		}
		visible[item.Var] = true
		seen[item.Var] = true
	}
}

// hasAggregates reports whether the query groups without GROUP BY.
func (q *Query) hasAggregates() bool {
	found := false
	look := func(e Expr) {
		if e != nil {
			Walk(e, func(e Expr) {
				if _, is := e.(Aggregate); is {
					found = true
				}
			})
		}
	}
	for _, item := range q.Projection {
		look(item.Expr)
	}
	for _, e := range q.Having {
		look(e)
	}
	for _, k := range q.OrderBy {
		look(k.Expr)
	}
	return found
}

// Grouped reports whether the query has GROUP BY or an aggregate.
func (q *Query) Grouped() bool { return len(q.GroupBy) > 0 || q.hasAggregates() }

func keysInScope(q *Query) map[string]bool {
	keys := map[string]bool{}
	for _, k := range q.GroupBy {
		if k.Var != "" {
			keys[k.Var] = true
		}
	}
	return keys
}

// checkGrouped refuses a projected variable that is neither a key of the group
// nor inside an aggregate.
func (p *parser) checkGrouped(item Projection, visible map[string]bool) {
	if item.Expr == nil {
		if !visible[item.Var] {
			p.fail("?%s is neither in GROUP BY nor inside an aggregate; add it to GROUP BY or select e.g. (SAMPLE(?%s) AS …)", item.Var, item.Var)
		}
		return
	}
	for _, v := range outsideAggregates(item.Expr) {
		if !visible[v] {
			p.fail("?%s stands outside an aggregate but is not in GROUP BY; add it to GROUP BY or wrap it, e.g. SAMPLE(?%s)", v, v)
		}
	}
}

func outsideAggregates(e Expr) []string {
	switch e := e.(type) {
	case Var:
		return []string{string(e)}
	case Call:
		return outsideAll(e.Args)
	case Function:
		return outsideAll(e.Args)
	}
	return nil
}

func outsideAll(args []Expr) []string {
	var vars []string
	for _, a := range args {
		vars = append(vars, outsideAggregates(a)...)
	}
	slices.Sort(vars)
	return slices.Compact(vars)
}
