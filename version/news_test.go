package version

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	p := project(t, "42")
	prev := Version(123)
	tests := []struct {
		raw  string
		want News
		err  string // part of the error; "": none
	}{
		{raw: "124", want: News{Version: 124}},
		{raw: " \t124\r\n", want: News{Version: 124}},
		{raw: "0", want: News{Version: 0}},
		{raw: "9007199254740991", want: News{Version: Max}},
		{raw: "9007199254740992", err: "too large"},
		{raw: "99999999999999999999", err: "too large"},
		{raw: "", err: "empty"},
		{raw: "+1", err: "not a bare integer"},
		{raw: "-1", err: "not a bare integer"},
		{raw: "007", err: "leading zero; write 7"},
		{raw: "00", err: "leading zero; write 0"},
		{raw: "1.0", err: "not a bare integer"},
		{raw: "1e3", err: "not a bare integer"},
		{raw: "١٢", err: "not a bare integer"},
		{raw: "\u00a012", err: "not a bare integer"}, // white space is ASCII only
		{raw: `"124"`, want: News{Version: 124}},
		{raw: `"0124"`, err: "leading zero"},
		{raw: `"124`, err: "not a bare integer"},
		{raw: `""`, err: "not a bare integer"},
		{raw: `" 124"`, err: "not a bare integer"},
		{raw: `"\u0031"`, err: "not a bare integer"},
		{raw: `'124'`, err: "not a bare integer"},
		{raw: `"9007199254740991"`, want: News{Version: Max}},
		{raw: `"9007199254740992"`, err: "too large"},
		{raw: `{"version":"124","prev":"123","data":{}}`, want: News{Version: 124, Prev: &prev, Data: []byte(`{}`)}},
		{raw: `{"version":"12.0"}`, err: "not a bare integer"},
		{raw: `{"version":"-1"}`, err: "not a bare integer"},
		{raw: `{"version":["124"]}`, err: "not a bare integer"},
		{raw: `[124]`, err: "not a bare integer"},
		{raw: `{"version":124}`, want: News{Version: 124}},
		{raw: ` {"version":124,"colour":"red"} `, want: News{Version: 124}},
		{
			raw:  `{"version":124,"prev":123,"writer":"tab-7f3a","data":{ "a": [1, 2] }}`,
			want: News{Version: 124, Prev: &prev, Writer: "tab-7f3a", Data: []byte(`{"a":[1,2]}`)},
		},
		{raw: `{"version":50,"reset":true}`, want: News{Version: 50, Reset: true}},
		{raw: `{"version":124,"data":{"a":1}}`, want: News{Version: 124}}, // data needs prev
		{raw: `{"version":124,"prev":123,"data":"` + strings.Repeat("x", MaxData) + `"}`, want: News{Version: 124, Prev: &prev}},
		{raw: `{"version":124,"prev":null}`, want: News{Version: 124}},
		{raw: `{}`, err: "version: missing"},
		{raw: `{"version":null}`, err: "version: missing"},
		{raw: `{"version":"124"}`, want: News{Version: 124}},
		{raw: `{"version":1.5}`, err: "not a bare integer"},
		{raw: `{"version":1e3}`, err: "not a bare integer"},
		{raw: `{"version":124,"prev":-1,"data":{}}`, want: News{Version: 124}}, // what makes no sense is dropped
		{raw: `{"version":124,"writer":7,"prev":123}`, want: News{Version: 124, Prev: &prev}},
		{raw: `{"version":124,"reset":"yes"}`, want: News{Version: 124}},
		{raw: `{"version":124,"VERSION":7,"RESET":true}`, want: News{Version: 124}}, // names are exact
		{raw: `{"VERSION":7}`, err: "version: missing"},
		{raw: `{"version":124,"writer":"` + strings.Repeat("w", MaxWriter+1) + `"}`, want: News{Version: 124}},
		{raw: `{"version":124`, err: "no JSON object"},
		{raw: `{"version":124}x`, err: "no JSON object"},
		{raw: "{\"version\":124,\"writer\":\"\xff\"}", err: "not UTF-8"},
		{raw: "{" + strings.Repeat(" ", maxMessage) + "}", err: "bytes long"},
	}
	for _, tt := range tests {
		got, err := Decode(p, []byte(tt.raw))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Decode(%.60q): error %v, want one with %q", tt.raw, err, tt.err)
			}
			continue
		}
		tt.want.Project = p
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(Project{})); err != nil || diff != "" {
			t.Errorf("Decode(%.60q): %v (-want +got):\n%s", tt.raw, err, diff)
		}
	}
}

// What Message writes, Decode reads, and what it writes has no line break.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"124", `{"version":1,"prev":0,"writer":"a\nb","data":{"x":"\u2028"}}`, `{"version":9,"reset":true}`, "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := Project{"42"}
		first, err := Decode(p, raw)
		if err != nil {
			return
		}
		written := first.Message()
		if strings.ContainsAny(string(written), "\r\n") {
			t.Fatalf("%q was written with a line break: %q", raw, written)
		}
		second, err := Decode(p, written)
		if diff := cmp.Diff(first, second, cmp.AllowUnexported(Project{})); err != nil || diff != "" {
			t.Fatalf("%q → %q: %v\n%s", raw, written, err, diff)
		}
	})
}

func TestUnmarshalNews(t *testing.T) {
	tests := []struct{ raw, err string }{
		{`{"project":"42","version":124}`, ""},
		{`{"project":"42","version":124,"prev":123,"writer":"w","data":{},"reset":true}`, ""},
		{`{"version":124}`, "project: missing"},
		{`{"project":42,"version":124}`, ""},
		{`{"project":9007199254740993,"version":"124","prev":"123"}`, ""},
		{`{"project":42.5,"version":124}`, "project: neither a string in quotes nor an integer"},
		{`{"project":4e2,"version":124}`, "project: neither a string in quotes nor an integer"},
		{`{"project":[42],"version":124}`, "project: neither a string in quotes nor an integer"},
		{`{"project":"42","version":124,"writer":7}`, "writer: not a string in quotes"},
		{`{"project":"42","version":124,"prev":"7x"}`, "prev: version"},
		{`{"project":"42","version":124,"reset":1}`, "reset: not true or false"},
		{`null`, "not an object"},
		{`{"project":"","version":124}`, "project: the project is empty"},
		{`{"project":"a b","version":124}`, `project: project "a b": ' ' is not allowed`},
		{`{"project":"42"}`, "version: missing"},
		{`{"project":"42","version":"124"}`, ""},
		{`{"project":"42","version":"12 4"}`, "version: version"},
		{`{"project":"42","version":124,"data":{}}`, "data: needs prev"},
		{`{"project":"42","version":124,"prev":1,"data":"` + strings.Repeat("x", MaxData) + `"}`, "data: longer than 8192 bytes"},
		{`{"project":"42","version":124,"prev":1,"data":"` + "\xff" + `"}`, "data: not JSON in UTF-8"},
		{`7`, "not an object"},
	}
	for _, tt := range tests {
		var n News
		err := n.UnmarshalJSON([]byte(tt.raw))
		if (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%.60s: error %v, want %q", tt.raw, err, tt.err)
		}
	}
}

func TestParseMark(t *testing.T) {
	for _, s := range []string{"42", "42@0", "42@9007199254740991", "a.b_c~d:e-F", strings.Repeat("x", MaxProjectLength)} {
		m, err := ParseMark(s)
		if err != nil || m.String() != s {
			t.Errorf("ParseMark(%q) = %v, %v", s, m, err)
		}
	}
	for s, want := range map[string]string{
		"a@b.c@5": `project "a@b.c": '@' is not allowed`,
		"größe@5": `project "größe": 'ö' is not allowed`,
		"a@b.c":   "an id contains no @",
		"a\xff@5": `project "a\xff": '�' is not allowed`,
	} {
		if m, err := ParseMark(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseMark(%q) = %v, %v, want an error with %s", s, m, err, want)
		}
	}
	for _, s := range []string{"", "@1", "42@", "42@-1", "42@1@2", "4 2", "é", "a/b", "{42}", "42\n", strings.Repeat("x", MaxProjectLength+1)} {
		if m, err := ParseMark(s); err == nil {
			t.Errorf("ParseMark(%q) = %v, want an error", s, m)
		}
	}
}

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern  string
		yes, no  []string
		unparsed bool
	}{
		{pattern: "42", yes: []string{"42"}, no: []string{"4", "421"}},
		{pattern: "team-*", yes: []string{"team-", "team-7"}, no: []string{"team", "xteam-7"}},
		{pattern: "*", yes: []string{"42", "a"}},
		{pattern: "", unparsed: true},
		{pattern: "a*b", unparsed: true},
		{pattern: "**", unparsed: true},
		{pattern: "a b", unparsed: true},
	}
	for _, tt := range tests {
		got, err := ParsePattern(tt.pattern)
		if (err != nil) != tt.unparsed {
			t.Errorf("ParsePattern(%q): %v", tt.pattern, err)
		}
		for _, id := range tt.yes {
			if !got.Match(project(t, id)) {
				t.Errorf("%q does not match %q", tt.pattern, id)
			}
		}
		for _, id := range tt.no {
			if got.Match(project(t, id)) {
				t.Errorf("%q matches %q", tt.pattern, id)
			}
		}
	}
	if (Pattern{}).Match(Project{}) {
		t.Error("the zero pattern matches the zero project")
	}
}
