package lang_test

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

func TestStandardInputIsReadAsWhatItBeginsAs(t *testing.T) {
	for text, want := range map[string]string{
		"product 'a' = { version: '1.0.0' }":             "",
		"// @prefix\nproduct 'a' = { version: '1.0.0' }": "",
		"# Turtle\n@prefix pc: <https://picloud.local/ontology#> .\n</products/a> a pc:Product ; pc:version \"1.0.0\" .": "",
		"PREFIX : <https://picloud.local/ontology#>\n</products/a> a :Product ; :version \"1.0.0\" .":                    "",
		"secret 'a' = { value: file('x') }": "<stdin>:1:28: value: no files can be read here",
		"product 'a' = { version: '1.0.0' ": `<stdin>:1:34: expected "}" for the "{" of line 1, found the end of the file`,
		"<https://elsewhere.example/a> a <https://picloud.local/ontology#Product> ; <https://picloud.local/ontology#version> 1 .": "<stdin>:1:1: ",
	} {
		d, violations := lang.Load(schema.Model, []string{"-"}, lang.Options{Root: root, Stdin: strings.NewReader(text)})
		switch {
		case want == "" && (len(violations) > 0 || len(d.Resources) != 1):
			t.Errorf("%s: %v", text, violations)
		case want != "" && (len(violations) == 0 || !strings.HasPrefix(violations[0].String(), want)):
			t.Errorf("%s: %v", text, violations)
		}
	}
}
