package stream

import (
	"strings"
	"testing"

	"nudge/version"
)

func mustProject(t fataler, id string) version.Project {
	p, err := version.ParseProject(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestJudge has, for each project, its access before, what the flag and the revocations say now, and its access after:
// s served, d denied, x excluded.
func TestJudge(t *testing.T) {
	letters := map[byte]Access{'s': Served, 'd': Denied, 'x': Excluded}
	for _, test := range []struct {
		name         string
		flag         bool
		before       string
		off, revoked string // ids of projects, which are 0, 1, 2; "*": the token as a whole
		after        string
		want         Outcome
	}{
		{"all stays", true, "ssd", "", "", "ssd", Unchanged},
		{"off stays off", true, "sx", "1", "", "sx", Unchanged},
		{"off", true, "ss", "1", "", "sx", SomeChanged},
		{"on again", true, "sx", "", "", "ss", SomeChanged},
		{"one on, one off", true, "sx", "0", "", "xs", SomeChanged},
		{"all off", true, "ss", "01", "", "xx", NoneLeft},
		{"the rest off", true, "sd", "0", "", "xd", NoneLeft},
		{"nothing was left before", true, "x", "0", "", "x", NoneLeft},
		{"denied stays denied", true, "ds", "", "", "ds", Unchanged},
		{"denied and revoked", true, "ds", "", "0", "ds", Unchanged},
		{"revoked", true, "ss", "", "0", "ds", SomeChanged},
		{"revoked what was off", true, "sx", "1", "1", "sd", SomeChanged},
		{"all revoked", true, "ss", "", "01", "dd", TakenBack},
		{"one revoked, the other off", true, "ss", "1", "0", "dx", TakenBack},
		{"all denied already", true, "dd", "", "", "dd", NoneLeft},
		{"whole token", true, "ss", "", "*", "ss", TakenBack},
		{"whole token, all off", true, "ss", "01", "*", "xx", TakenBack},

		// A revocation alone does not carry the flag with it.
		{"only revocations: off", false, "ss", "01", "", "ss", Unchanged},
		{"only revocations: on again", false, "sx", "", "", "sx", Unchanged},
		{"only revocations: revoked", false, "ss", "0", "1", "sd", SomeChanged},
		{"only revocations: all revoked", false, "ss", "", "01", "dd", TakenBack},
		{"only revocations: what is left is off", false, "sx", "1", "0", "dx", TakenBack},
		{"only revocations: nothing was left before", false, "x", "0", "", "x", Unchanged},
		{"only revocations: whole token", false, "sx", "", "*", "sx", TakenBack},
	} {
		t.Run(test.name, func(t *testing.T) {
			owner := Owner{7}
			j := Judge(&Rules{
				Allows: func(o Owner, p version.Project) bool { return o == owner && !strings.Contains(test.off, p.String()) },
				Revoked: func(o Owner, p version.Project) bool {
					if p == (version.Project{}) {
						return o == owner && test.revoked == "*"
					}
					return o == owner && strings.Contains(test.revoked, p.String())
				},
			}, owner, test.flag)
			for i := range test.before {
				before, want := letters[test.before[i]], letters[test.after[i]]
				if got := j.Project(mustProject(t, string('0'+rune(i))), before); got != want {
					t.Errorf("project %d: %d, want %d", i, got, want)
				}
			}
			if got := j.Outcome(); got != test.want {
				t.Errorf("outcome %d, want %d", got, test.want)
			}
		})
	}
}
