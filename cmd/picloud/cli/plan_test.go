package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

func TestPlanWritesValuesAsPeopleDo(t *testing.T) {
	for _, test := range []struct{ kind, pointer, value, want string }{
		{"volume", "/size", "100000000000", "100GB"},
		{"container", "/resources/memory", "268435456", "256MiB"},
		{"container", "/resources/cpu", "500", "500m"},
		{"container", "/replicas", "3", "3"},
		{"container", "/env/LOG/value", `"a\nb"`, `'a\nb'`},
		{"container", "/identity", `"https://c/products/p/workload-identities/w"`, "'/products/p/workload-identities/w'"},
		{"container", "/tags/team", `"x"`, "'x'"},
		{"container", "/mounts", `{"m": {"path": "/d"}}`, `{"m":{"path":"/d"}}`},
		{"container", "/args", "", "(none)"},
		{"container", "/args", "null", "(none)"},
		{"container", "/nonsense/deep", "1", "1"},
		{"nonsense", "/a", "true", "true"},
		{"container", "/description", `"` + strings.Repeat("x", 100) + `"`, "'" + strings.Repeat("x", fieldWidth-2) + "…"},
	} {
		if got := fieldText(test.kind, test.pointer, json.RawMessage(test.value), "https://c"); got != test.want {
			t.Errorf("%s%s %s: %s, want %s", test.kind, test.pointer, test.value, got, test.want)
		}
	}
}

// What a server says of a pointer into the body is said of a line of a file.
func TestRefusalsNameLines(t *testing.T) {
	file, _ := lang.Parse("a.picloud", []byte("product 'p' = { version: '1.0.0' }\nvolume 'v' = {\n  size: '1GB'\n}\n"))
	deployment, violations := lang.Compile(schema.Model, []*lang.File{file}, lang.Options{Root: "https://c"})
	if len(violations) > 0 {
		t.Fatal(violations)
	}
	for pointer, want := range map[string]string{
		"/resources/1/size": "a.picloud:3:9: x",
		"/resources/1/mode": "a.picloud:2:1: x",
		"/resources/1":      "a.picloud:2:1: x",
		"/resources/0":      "a.picloud:1:1: x",
		"/resources/9/size": "/resources/9/size: x",
		"/other":            "/other: x",
		"":                  "x",
	} {
		err := placed(&base.Error{Code: base.Invalid, Violations: []base.Violation{{Pointer: pointer, Message: "x"}}}, deployment.Resources)
		if got := err.(*base.Error).Violations[0].String(); got != want {
			t.Errorf("%s: %s, want %s", pointer, got, want)
		}
	}
}

func TestEveryCodeHasItsExit(t *testing.T) {
	for _, code := range base.Codes() {
		want := ExitRefused
		switch code {
		case base.NotFound, base.Gone:
			want = ExitNotFound
		case base.Unavailable, base.Exhausted, base.Full:
			want = ExitUnavailable
		case base.Uncertain:
			want = ExitUncertain
		}
		if got := exitCode(code); got != want {
			t.Errorf("%s: %d, want %d", code, got, want)
		}
	}
}
