package base

import "testing"

// TestValueNeedsTheLevelOfWhatItGives: of fields at any depth and of tokens, but
// not of a field that says what it would say by itself.
func TestValueNeedsTheLevelOfWhatItGives(t *testing.T) {
	m := NewModel([]*Class{
		{Name: "Volume", Kind: true, Word: "volume", Fields: []*Field{
			{Name: "size", Type: TypeInteger},
			{Name: "copies", Type: TypeInteger, Level: 2, Default: "1"},
			{Name: "mode", Type: TypeEnum, Enum: "Mode"},
			{Name: "modes", Type: TypeEnum, Enum: "Mode", Form: Set},
			{Name: "intent", Type: TypeObject, Object: "Intent"},
			{Name: "mounts", Type: TypeObject, Object: "Intent", Form: Map, Key: "name"},
		}},
		{Name: "Intent", Fields: []*Field{{Name: "speed", Type: TypeString, Level: 3}}},
	}, []*Enum{{Name: "Mode", Tokens: []Token{{Token: "raw"}, {Token: "shared", Level: 4}}}}, nil)
	for text, want := range map[string]int{
		`{}`:                          0,
		`{"size":1,"mode":"raw"}`:     0,
		`{"copies":1}`:                0,
		`{"copies":2}`:                2,
		`{"copies":null}`:             0,
		`{"mode":"shared"}`:           4,
		`{"modes":["raw","shared"]}`:  4,
		`{"intent":{"speed":"high"}}`: 3,
		`{"mounts":{"a":{},"b":{"speed":"low"}},"copies":2}`: 3,
		`{"unheard":"of"}`: 0,
	} {
		v, fault := ReadJSON([]byte(text), Limits{Bytes: 1 << 10})
		if fault != nil {
			t.Fatal(fault)
		}
		if got := m.Level(m.Class("Volume"), v); got != want {
			t.Errorf("%s needs level %d, want %d", text, got, want)
		}
	}
	if m.Level(nil, nil) != 0 {
		t.Error("nothing needs a level")
	}
}
