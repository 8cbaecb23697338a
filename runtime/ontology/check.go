package ontology

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reasoning"
	"github.com/picloud/picloud/runtime/shacl"
)

// maxProblems bounds what is told at once.
const maxProblems = 100

// w3c is where the vocabularies of the W3C live, SHACL's among them.
const w3c = "http://www.w3.org/"

// Check says what is wrong with a product's own Turtle: syntax, words of others,
// ill-formed SHACL. Authority says to whom terms belong; text.Options.Base is
// what relative IRIs are resolved against. Nothing wrong is an empty result.
func Check(text shacl.Text, authority reasoning.Authority) shacl.Problems {
	text.Options.MaxErrors = maxProblems
	c := checker{file: text.Name, authority: authority, told: map[string]bool{}}
	err := rdf.Parse(bytes.NewReader(text.Content), text.Format, text.Options, c.statement)
	if err != nil && !errors.Is(err, errEnough) {
		return c.syntax(err)
	}
	if len(c.problems) == maxProblems {
		return c.problems
	}
	g, err := shacl.Read(text)
	if err != nil {
		return c.syntax(err)
	}
	shapes, err := shacl.Parse(g)
	var ill shacl.Problems
	switch {
	case errors.As(err, &ill):
		c.problems = append(c.problems, ill...)
	case err == nil:
		c.problems = append(c.problems, shapes.Notices...)
	}
	return c.problems[:min(len(c.problems), maxProblems)]
}

// errEnough ends the reading of a text that has as many problems as are told.
var errEnough = errors.New("enough")

type checker struct {
	file      string
	authority reasoning.Authority
	told      map[string]bool // terms of others that were spoken of
	problems  shacl.Problems
}

// statement looks at what is said, and about whom.
func (c *checker) statement(s rdf.Statement) error {
	subject := s.Quad.S
	if owner := c.owner(subject); owner != "" {
		c.tell(s.Subject, subject, fmt.Sprintf(
			"<%s> belongs to %s, and only its owner says what it is; say it about a term of your own, for example <#%s>, and put that below the other with rdfs:subClassOf or rdfs:subPropertyOf",
			subject.Value, owner, localName(subject.Value)))
	} else if refusal := c.authority.Judge(s.Quad); refusal != nil {
		c.tell(s.Object, refusal.Term, refusal.Reason)
	}
	if len(c.problems) == maxProblems {
		return errEnough
	}
	return nil
}

func (c *checker) owner(t base.Term) string {
	switch {
	case t.Kind != base.IRITerm:
		return ""
	case strings.HasPrefix(t.Value, w3c):
		return "the W3C"
	}
	return c.authority(t.Value)
}

// tell notes a term of another owner, at its first place.
func (c *checker) tell(at rdf.Pos, term base.Term, message string) {
	if c.told[term.Value] {
		return
	}
	c.told[term.Value] = true
	c.problems = append(c.problems, &shacl.Problem{Place: shacl.Place{File: c.file, Pos: at}, Shape: term, Message: message})
}

// syntax are the errors of a parser behind what was found before them.
func (c *checker) syntax(err error) shacl.Problems {
	var several rdf.Errors
	var one *rdf.SyntaxError
	var read shacl.Problems
	switch {
	case errors.As(err, &read):
		return append(c.problems, read...)
	case errors.As(err, &several):
	case errors.As(err, &one):
		several = rdf.Errors{one}
	default:
		return append(c.problems, &shacl.Problem{Place: shacl.Place{File: c.file}, Message: err.Error()})
	}
	for _, e := range several {
		c.problems = append(c.problems, &shacl.Problem{Place: shacl.Place{File: c.file, Pos: e.Pos}, Message: e.Msg})
	}
	return c.problems[:min(len(c.problems), maxProblems)]
}

// localName is a name for a term of one's own.
func localName(iri string) string {
	if name := iri[strings.LastIndexAny(iri, "/#")+1:]; name != "" {
		return name
	}
	return "Mine"
}
