package base_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

func read(t *testing.T, text string) *base.Value {
	t.Helper()
	v, err := base.ReadJSON([]byte(text), base.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// The cases are those of RFC 7396, appendix A.
func TestMergePatchFollowsTheRFC(t *testing.T) {
	for _, test := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		got := base.MergePatch(read(t, test[0]), read(t, test[1]))
		if text := string(base.AppendValue(nil, got)); text != test[2] {
			t.Errorf("%s + %s = %s, want %s", test[0], test[1], text, test[2])
		}
	}
}

func TestDifferencesNameWhatCameChangedAndWent(t *testing.T) {
	before := read(t, `{"a":1,"b":{"x/y":[1,2],"z":"same"},"gone":true,"n":null}`)
	after := read(t, `{"b":{"z":"same","x/y":[2,1]},"a":2,"new":{"k":"v"}}`)
	var got []string
	for _, c := range base.DiffValues(before, after) {
		got = append(got, fmt.Sprintf("%s %s %s", c.Pointer, base.AppendValue(nil, c.Before), base.AppendValue(nil, c.After)))
	}
	want := "/b/x~1y [1,2] [2,1]\n/a 1 2\n/new null {\"k\":\"v\"}\n/gone true null"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if base.DiffValues(before, before) != nil || base.DiffValues(nil, nil) != nil {
		t.Error("equal values differ")
	}
}
