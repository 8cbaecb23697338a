package sparql

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/syntax"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// regex compiles REGEX and REPLACE. A pattern that is written in the query is
// compiled once; another is remembered as long as it stays the same. slot is
// that of a text that is a plain variable, else -1.
func regex(x syntax.Call, args []evaluator, slot int) evaluator {
	flagsAt := 2
	if x.Op == "REPLACE" {
		flagsAt = 3
	}
	var last compiledRegex
	compiled := func(e *exec, r row) *value.Regex {
		pattern, ok := plain(args[1], e, r)
		if !ok {
			return nil
		}
		flags := ""
		if len(args) > flagsAt {
			if flags, ok = plain(args[flagsAt], e, r); !ok {
				return nil
			}
		}
		return last.get(e, pattern, flags)
	}
	if x.Op == "REGEX" && slot >= 0 {
		return func(e *exec, r row) (value.Value, bool) {
			text, ok := stored(e, r[slot])
			if !ok {
				return value.Value{}, false
			}
			re := compiled(e, r)
			return value.Bool(re != nil && re.Match(text, last.work)), re != nil && e.err == nil
		}
	}
	return func(e *exec, r row) (value.Value, bool) {
		text, ok := args[0](e, r)
		if !ok || !text.IsString() {
			return value.Value{}, false
		}
		held := e.hold(text)
		defer e.release(held)
		re := compiled(e, r)
		if re == nil {
			return value.Value{}, false
		}
		if x.Op == "REGEX" {
			return value.Bool(re.Match(text.Text(), last.work)), e.err == nil
		}
		replacement, ok := plain(args[2], e, r)
		if !ok {
			return value.Value{}, false
		}
		return re.Replace(text, replacement, last.work)
	}
}

// stored is the text of a term that is a string, without making a value of it.
func stored(e *exec, id rdf.ID) (string, bool) {
	if id == 0 {
		return "", false
	}
	t := e.term(id)
	return t.Value, t.Kind == base.LiteralTerm && (t.Datatype == base.XSDString || t.Datatype == "" || t.Lang != "")
}

// plain is the value of an argument that must be a string without a language.
func plain(f evaluator, e *exec, r row) (string, bool) {
	v, ok := f(e, r)
	return v.Text(), ok && v.Kind == value.String
}

// compiledRegex is the pattern that was compiled last; re is nil where it was
// not a regular expression.
type compiledRegex struct {
	used           bool
	pattern, flags string
	re             *value.Regex
	work           func(steps int) bool // of the execution
}

func (c *compiledRegex) get(e *exec, pattern, flags string) *value.Regex {
	if c.used && c.pattern == pattern && c.flags == flags {
		return c.re
	}
	if e.err != nil {
		return nil
	}
	if c.re != nil {
		e.release(c.re.Bytes())
	}
	re, _ := value.NewRegex(pattern, flags)
	*c = compiledRegex{true, pattern, flags, re, e.work}
	if re == nil || !e.work(re.Bytes()>>7) || !e.charge(re.Bytes()) {
		return nil
	}
	return re
}
