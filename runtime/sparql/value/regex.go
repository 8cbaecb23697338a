package value

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

const (
	maxPattern = 4096
	// maxInstructions bounds the size of a compiled pattern; RE2's own bound of a
	// thousand repetitions holds below it.
	maxInstructions = 20_000
)

// CompileRegex compiles a pattern and flags of fn:matches (XPath 3.1, section
// 5.6) to RE2, which runs in linear time. Back references and look-around do
// not exist there and are an error.
func CompileRegex(pattern, flags string) (*regexp.Regexp, error) {
	pattern, _, err := translateRegex(pattern, flags)
	if err != nil {
		return nil, err
	}
	return regexp.Compile(pattern)
}

// translateRegex gives a pattern and its flags in the syntax of package regexp,
// and about how many instructions it will compile to.
func translateRegex(pattern, flags string) (translated string, instructions int, err error) {
	if len(pattern) > maxPattern {
		return "", 0, fmt.Errorf("the pattern has %d bytes; at most %d are allowed", len(pattern), maxPattern)
	}
	if wrong := strings.Trim(flags, "smixq"); wrong != "" {
		return "", 0, fmt.Errorf("there is no flag %.10q; the flags are s, m, i, x and q", wrong)
	}
	switch {
	case strings.Contains(flags, "q"):
		pattern = regexp.QuoteMeta(pattern)
	case strings.Contains(flags, "x"):
		pattern = withoutSpace(pattern)
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
		return "", 0, err
	}
	// Looked at before compiling, which would make them all first.
	if instructions = regexSize(parsed); instructions > maxInstructions {
		return "", 0, errors.New("the pattern is too large once its repetitions are written out")
	}
	return pattern, instructions, nil
}

// regexSize is about how many instructions a pattern compiles to, counted no
// further than the bound.
func regexSize(re *syntax.Regexp) int {
	size := 1
	for _, sub := range re.Sub {
		if size += regexSize(sub); size > maxInstructions {
			return size
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		size += len(re.Rune)
	case syntax.OpRepeat:
		size *= max(re.Min, re.Max, 1)
	}
	return size
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
