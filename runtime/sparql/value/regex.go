package value

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

const (
	maxPattern = 4096
	// maxRepeat bounds the size of a compiled pattern; RE2's own bound of a
	// thousand repetitions holds below it.
	maxInstructions = 20_000
)

// CompileRegex compiles a pattern and flags of fn:matches (XPath 3.1, section
// 5.6) to RE2, which runs in linear time. Back references and look-around do
// not exist there and are an error.
func CompileRegex(pattern, flags string) (*regexp.Regexp, bool) {
	if len(pattern) > maxPattern || strings.Trim(flags, "smixq") != "" {
		return nil, false
	}
	quoted := strings.Contains(flags, "q")
	if quoted {
		pattern = regexp.QuoteMeta(pattern)
	} else {
		if strings.Contains(flags, "x") {
			pattern = withoutSpace(pattern)
		}
	}
	prefix := ""
	for _, f := range "smi" {
		if strings.ContainsRune(flags, f) {
			prefix += string(f)
		}
	}
	if prefix != "" {
		pattern = "(?" + prefix + ")" + pattern
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxInstructions {
		return nil, false
	}
	re, err := regexp.Compile(pattern)
	return re, err == nil
}

// withoutSpace is flag x: white space outside character classes goes.
func withoutSpace(pattern string) string {
	var b strings.Builder
	inClass, escaped := false, false
	for _, r := range pattern {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '[':
			inClass = true
		case r == ']':
			inClass = false
		case !inClass && strings.ContainsRune(" \t\r\n", r):
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Replace is fn:replace: $1 to $9 are groups, \$ and \\ stand for themselves.
// A pattern that matches the empty string is an error.
func Replace(re *regexp.Regexp, v Value, replacement string) (Value, bool) {
	if !v.IsString() || re.MatchString("") {
		return Value{}, false
	}
	template, ok := expandTemplate(replacement, re.NumSubexp())
	if !ok {
		return Value{}, false
	}
	in := v.term.Value
	matches := re.FindAllStringSubmatchIndex(in, -1)
	var out []byte
	last := 0
	for _, m := range matches {
		out = append(out, in[last:m[0]]...)
		out = re.ExpandString(out, template, in, m)
		last = m[1]
		if len(out) > maxString {
			return Value{}, false
		}
	}
	return v.WithText(string(append(out, in[last:]...)))
}

// expandTemplate turns XPath's replacement into that of package regexp.
func expandTemplate(s string, groups int) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			if i == len(s) || s[i] != '\\' && s[i] != '$' {
				return "", false
			}
			if s[i] == '$' {
				b.WriteByte('$')
			}
			b.WriteByte(s[i])
		case c == '$':
			i++
			if i == len(s) || s[i] < '0' || s[i] > '9' {
				return "", false
			}
			if int(s[i]-'0') <= groups {
				b.WriteString("${" + s[i:i+1] + "}")
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
