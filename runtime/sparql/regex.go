package sparql

import (
	"github.com/picloud/picloud/runtime/sparql/syntax"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// regex compiles REGEX and REPLACE. A pattern that is written in the query is
// compiled once; another is remembered as long as it stays the same.
func regex(x syntax.Call, args []evaluator) evaluator {
	flagsAt := 2
	if x.Op == "REPLACE" {
		flagsAt = 3
	}
	var last compiledRegex
	return func(e *exec, r row) (value.Value, bool) {
		text, ok := args[0](e, r)
		if !ok || !text.IsString() {
			return value.Value{}, false
		}
		held := e.hold(text)
		defer e.release(held)
		pattern, ok := plain(args[1], e, r)
		if !ok {
			return value.Value{}, false
		}
		flags := ""
		if len(args) > flagsAt {
			if flags, ok = plain(args[flagsAt], e, r); !ok {
				return value.Value{}, false
			}
		}
		re := last.get(e, pattern, flags)
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
