package version

import (
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// The rules of docs/protocol.md, said another way.
var (
	projectForm = regexp.MustCompile(`\A[A-Za-z0-9._~:-]{1,128}\z`)
	versionForm = regexp.MustCompile(`\A(0|[1-9][0-9]*)\z`)
)

func isVersion(s string) bool {
	n, ok := new(big.Int).SetString(s, 10)
	return ok && versionForm.MatchString(s) && n.Cmp(big.NewInt(int64(Max))) <= 0
}

// Projects, versions, marks and patterns are read exactly as the protocol says, and an error is one short line, since it
// comes in answers and logs.
func FuzzProject(f *testing.F) {
	for _, seed := range []string{
		"", "42", "42@124", "42@", "@1", "a@b@1", "team-*", "*", "**", "a*b", "4 2", "4\n2", "42\x00", "é", "\xff", "A.b_c~d:e-f", "{42}",
		"0", "00", "007", "-1", "+1", "1e3", "1.0", "9007199254740991", "9007199254740992", "9007199254740993", "18446744073709551616",
		"\u0661", "NaN", "0x10", "1_000", strings.Repeat("x", 128), strings.Repeat("x", 129), strings.Repeat("9", 400), "x@" + strings.Repeat("0", 50),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check := func(what string, want bool, back string, err error) {
			t.Helper()
			if (err == nil) != want || err == nil && back != s {
				t.Fatalf("%s %q reads back as %q, %v", what, s, back, err)
			}
			if err != nil && (len(err.Error()) > 2*len(s)*4+200 || strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) })) {
				t.Fatalf("%s %q: an error that is no short line: %q", what, s, err)
			}
		}
		p, err := ParseProject(s)
		check("project", projectForm.MatchString(s), p.String(), err)
		if err == nil {
			if text, err := json.Marshal(map[Project]Project{p: p}); err != nil || string(text) != `{"`+s+`":"`+s+`"}` {
				t.Fatalf("%q in JSON is %s, %v", s, text, err)
			}
		}

		v, err := ParseVersion(s)
		check("version", isVersion(s), big.NewInt(int64(v)).String(), err)

		id, number, known := strings.Cut(s, "@")
		m, err := ParseMark(s)
		check("mark", projectForm.MatchString(id) && (!known || isVersion(number)), m.String(), err)

		prefix, wild := strings.CutSuffix(s, "*")
		pattern, err := ParsePattern(s)
		check("pattern", projectForm.MatchString(prefix) || wild && prefix == "", pattern.String(), err)
		if err != nil {
			return
		}
		for _, id := range []string{prefix, prefix + "x", "x" + prefix, "x"} {
			p, err := ParseProject(id)
			if want := id == prefix || wild && strings.HasPrefix(id, prefix); err == nil && pattern.Match(p) != want {
				t.Fatalf("%q matches %q: %v", s, id, !want)
			}
		}
	})
}
