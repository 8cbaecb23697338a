package plan

import (
	"go/token"
	"slices"
	"strings"
	"unicode"
)

// initialisms are written in one case in Go, as staticcheck's ST1003 asks.
var initialisms = []string{
	"API", "CA", "CPU", "DNS", "GRPC", "HTTP", "HTTPS", "ID", "IP", "IRI", "JSON", "JWT", "M2M", "OCI", "OIDC", "OTLP",
	"RDF", "SPARQL", "SQL", "TCP", "TLS", "TTL", "UDP", "URI", "URL", "UUID",
}

// words cuts a name, in camel case or with dashes, into lower-case words.
func words(name string) (all []string) {
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			all = append(all, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	for _, r := range name {
		switch {
		case r == '-' || r == '_' || r == ' ' || r == '.':
			end()
			continue
		case unicode.IsUpper(r):
			end()
		}
		word.WriteRune(r)
	}
	end()
	return all
}

// goName is an exported name of Go.
func goName(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		b.WriteString(capital(w))
	}
	return b.String()
}

// capital is a word within a name of Go.
func capital(word string) string {
	upper := strings.ToUpper(word)
	if slices.Contains(initialisms, upper) {
		return upper
	}
	if stem, ok := strings.CutSuffix(upper, "S"); ok && slices.Contains(initialisms, stem) {
		return stem + "s"
	}
	return upper[:1] + word[1:]
}

// varName is a name of Go for a variable: no keyword, no predeclared name and
// no package that output imports.
func varName(name string) string {
	all := words(name)
	v := all[0] + goName(strings.Join(all[1:], "-"))
	if token.IsKeyword(v) || slices.Contains([]string{
		"any", "append", "base", "bool", "cap", "clear", "close", "codec", "copy", "delete", "domain", "error", "false", "fmt", "int", "iota",
		"len", "maps", "make", "max", "min", "new", "nil", "panic", "print", "quads", "schema", "slices", "string", "true",
	}, v) {
		return v + "Value"
	}
	return v
}

// fileName is a file of Go that every system compiles: names that end in
// _test or in an operating system or processor mean something else to Go.
func fileName(word string) string {
	stem := strings.Join(words(word), "_")
	last := stem[strings.LastIndexByte(stem, '_')+1:]
	if slices.Contains([]string{"test", "linux", "darwin", "windows", "freebsd", "android", "ios", "js", "plan9", "solaris", "unix", "amd64", "arm", "arm64", "wasm", "386"}, last) {
		stem += "_kind"
	}
	return stem + ".go"
}

// article is a label with "a" or "an" before it.
func article(label string) string {
	first, _, _ := strings.Cut(label, " ")
	vowels := "aeiouAEIOU"
	if first == strings.ToUpper(first) { // spelt out: an HTTP check, a URL
		vowels = "AEFHILMNORSX"
	}
	if strings.ContainsAny(label[:1], vowels) {
		return "an " + label
	}
	return "a " + label
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
