package auth

import (
	"encoding/json"
	"testing"
)

// members finds what encoding/json finds, for every JSON object without doubled names.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		"{}", " { } ", `{"a":1}`, `{"a":-1.5e3,"b":[1,{"c":"}"}],"d":"\\\"","e":null , "f" : {} }`, `{"\u0061":1,"a":2}`, `{"a":1,"a":2}`, `{"":true}`,
		`{"a":"\\"}`, `{"a":[[]],"b":{"a":{}}}`, "[]", "1", "null", `"x"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		got, err := members(text)
		var want map[string]json.RawMessage
		if json.Unmarshal(text, &want) != nil || want == nil {
			if err == nil {
				t.Fatalf("%q is no object", text)
			}
			return
		}
		if err != nil {
			return // doubled, or not UTF-8
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d members, want %d", text, len(got), len(want))
		}
		for _, m := range got {
			if string(m.value) != string(want[string(m.name)]) {
				t.Errorf("%q: %s is %s, want %s", text, m.name, m.value, want[string(m.name)])
			}
		}
	})
}
