package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nudge/gateway/stream"
	"nudge/version"
)

func TestParseMarks(t *testing.T) {
	for query, want := range map[string]string{
		"project=42":                              "42",
		"project=42@7&project=7":                  "42@7 7",
		"project=42@7&project=42@9&project=42@8":  "42@9",
		"project=42&project=42@0":                 "42@0",
		"project=42@0&project=42":                 "42@0",
		"project=b&project=a&project=b@1&x=!":     "b@1 a",
		"project=42%407":                          "42@7",
		"Project=42":                              "",
		"project=":                                "error",
		"project":                                 "error",
		"project=42@":                             "error",
		"project=42@-1":                           "error",
		"project=42@9007199254740992":             "error",
		"project=4%0a2":                           "error",
		"project=1&project=2&project=3&project=4": "error", // three are the most here
		"project=42;project=7":                    "error",
	} {
		marks, err := parseMarks(query, 3)
		var texts []string
		for _, m := range marks {
			texts = append(texts, m.String())
		}
		got := strings.Join(texts, " ")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %q, not %q (%v)", query, got, want, err)
		}
	}
}

func FuzzParseMarks(f *testing.F) {
	for _, seed := range []string{"project=42@124&project=7", "project=42&project=42@0", "project=%00", "project=4\n2", "&&=", "project=a@b@c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		marks, err := parseMarks(query, 8)
		values, bad := url.ParseQuery(query)
		if err != nil {
			if bad == nil && !slices.ContainsFunc(values["project"], noMark) && len(values["project"]) <= 8 {
				t.Fatalf("%q is refused: %v", query, err)
			}
			return
		}
		if bad != nil || len(marks) == 0 != (len(values["project"]) == 0) {
			t.Fatalf("%q: %v; net/url reads %v, %v", query, marks, values, bad)
		}
		if len(marks) > 8 {
			t.Fatalf("%d marks", len(marks))
		}
		seen := map[version.Project]bool{}
		var again []string
		for _, m := range marks {
			if seen[m.Project] {
				t.Fatalf("%s twice", m.Project)
			}
			seen[m.Project] = true
			back, err := version.ParseMark(m.String())
			if err != nil || back != m {
				t.Fatalf("%v reads back as %v, %v", m, back, err)
			}
			again = append(again, "project="+m.String())
		}
		twice, err := parseMarks(strings.Join(again, "&"), 8)
		if err != nil || fmt.Sprint(twice) != fmt.Sprint(marks) {
			t.Fatalf("%v reads back as %v, %v", marks, twice, err)
		}
	})
}

func noMark(text string) bool {
	_, err := version.ParseMark(text)
	return err != nil
}

// Parameters that nobody asked for, and a project that is named again and again, cost a gateway next to nothing.
func TestLongQueries(t *testing.T) {
	var others strings.Builder
	for i := range 5000 { // net/url refuses more than 10,000
		fmt.Fprintf(&others, "%x&", i)
	}
	for name, query := range map[string]string{
		"other parameters":            others.String(),
		"a project 10,000 times":      strings.Repeat("project=42@7&", 10_000),
		"a malformed project first":   "project=!&" + strings.Repeat("project=4&", 10_000),
		"more projects than may be":   "project=1&project=2&project=3&project=4&" + strings.Repeat("project=5&", 10_000),
		"a version of 100,000 digits": "project=42@" + strings.Repeat("9", 100_000),
	} {
		if n := testing.AllocsPerRun(5, func() { parseMarks(query, 3) }); n > 20 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

func FuzzReadNews(f *testing.F) {
	for _, seed := range []string{
		`{"project":"42","version":124}`, `[{"project":"42","version":124,"prev":1,"writer":"w","data":{"a":"\n"}}]`, "[]", "null", "[null]",
		`{"project":"42","version":1,"reset":true}`, `[1]`, "\"", `[[]]`, `{"project":"42","version":1,"prev":0,"data":"\u2028"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		all := func(version.Project) bool { return true }
		news, p := readNews(&body{reader: bytes.NewReader(text), whole: func() {}}, all)
		if p != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("no JSON: %q", text)
		}
		for _, n := range news {
			if n.Project == (version.Project{}) || n.Version < 0 || n.Version > version.Max {
				t.Fatalf("%+v", n)
			}
			frame := stream.NewFrame(version.Change{Project: n.Project, State: version.State{Known: true, Version: n.Version}, Reset: n.Reset, Extras: &n}, 0, n.Trace)
			for _, b := range [][]byte{frame.Event(stream.SendAdvance), frame.Event(stream.SendReset)} {
				if b == nil {
					continue
				}
				lines := strings.Split(string(b), "\n")
				if len(lines) != 5 || strings.Contains(string(b), "\r") {
					t.Fatalf("an event of %d lines: %q", len(lines), b)
				}
				data, found := strings.CutPrefix(lines[2], "data: ")
				if !found || !json.Valid([]byte(data)) {
					t.Fatalf("data is no JSON: %q", b)
				}
			}
		}
	})
}
