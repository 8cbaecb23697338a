package syntax

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// Expr is an expression (SPARQL 1.1, section 17). The algebra adds one kind of
// its own, EXISTS over an algebra expression; hence the interface is open.
type Expr interface{ String() string }

// The kinds of expression.
type (
	// Var is a variable.
	Var string
	// Const is a term.
	Const struct{ Term base.Term }
	// Call is an operator or a built-in function. Op is the operator's sign
	// or the function's name in capitals; unary plus and minus are "u+", "u-".
	Call struct {
		Op   string
		Args []Expr
	}
	// Function is a call by IRI: a cast, or an extension.
	Function struct {
		IRI  string
		Args []Expr
	}
	// Aggregate is a set function; Arg is nil for COUNT(*).
	Aggregate struct {
		Name      string
		Distinct  bool
		Arg       Expr
		Separator string // of GROUP_CONCAT
	}
	// ExistsGroup is EXISTS or NOT EXISTS.
	ExistsGroup struct {
		Not   bool
		Group *Group
	}
)

func (v Var) String() string   { return "?" + string(v) }
func (c Const) String() string { return TermString(c.Term) }

func (c Call) String() string {
	switch {
	case len(c.Args) == 2 && !isWord(c.Op):
		return "(" + c.Args[0].String() + " " + c.Op + " " + c.Args[1].String() + ")"
	case c.Op == "IN" || c.Op == "NOT IN":
		return "(" + c.Args[0].String() + " " + c.Op + " (" + list(c.Args[1:]) + "))"
	}
	return strings.TrimPrefix(c.Op, "u") + "(" + list(c.Args) + ")"
}

func isWord(op string) bool { return op[0] >= 'A' && op[0] <= 'Z' }

func (f Function) String() string { return "<" + f.IRI + ">(" + list(f.Args) + ")" }

func (a Aggregate) String() string {
	s := a.Name + "("
	if a.Distinct {
		s += "DISTINCT "
	}
	if a.Arg == nil {
		return s + "*)"
	}
	s += a.Arg.String()
	if a.Name == "GROUP_CONCAT" && a.Separator != " " {
		s += "; SEPARATOR=" + TermString(base.String(a.Separator))
	}
	return s + ")"
}

func (e ExistsGroup) String() string {
	if e.Not {
		return "NOT EXISTS {…}"
	}
	return "EXISTS {…}"
}

func list(args []Expr) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.String()
	}
	return strings.Join(parts, ", ")
}

// TermString writes a term as N-Triples does, xsd:string and rdf:langString
// left out.
func TermString(t base.Term) string {
	switch t.Kind {
	case base.NoTerm:
		return "UNDEF"
	case base.IRITerm:
		return "<" + t.Value + ">"
	case base.BlankTerm:
		return "_:" + t.Value
	}
	s := `"` + escaper.Replace(t.Value) + `"`
	switch {
	case t.Lang != "":
		return s + "@" + t.Lang
	case t.Datatype != base.XSDString && t.Datatype != "":
		return s + "^^<" + t.Datatype + ">"
	}
	return s
}

// escaper is never changed; a Replacer is safe for concurrent use.
var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`)

// Walk calls f for e and every expression below it, EXISTS groups excluded.
func Walk(e Expr, f func(Expr)) {
	f(e)
	switch e := e.(type) {
	case Call:
		for _, a := range e.Args {
			Walk(a, f)
		}
	case Function:
		for _, a := range e.Args {
			Walk(a, f)
		}
	case Aggregate:
		if e.Arg != nil {
			Walk(e.Arg, f)
		}
	}
}

// Rewrite builds e anew with f applied to every node from the leaves upward.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	rewriteAll := func(args []Expr) []Expr {
		out := make([]Expr, len(args))
		for i, a := range args {
			out[i] = Rewrite(a, f)
		}
		return out
	}
	switch x := e.(type) {
	case Call:
		e = Call{Op: x.Op, Args: rewriteAll(x.Args)}
	case Function:
		e = Function{IRI: x.IRI, Args: rewriteAll(x.Args)}
	case Aggregate:
		if x.Arg != nil {
			x.Arg = Rewrite(x.Arg, f)
		}
		e = x
	}
	return f(e)
}
