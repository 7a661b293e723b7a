package control

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/version"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func stamp(seq int64) Stamp { return Stamp{seq, noon.Add(time.Duration(seq) * time.Millisecond)} }

func flagSet(seq int64, enabled bool) FlagEntry {
	return FlagEntry{stamp(seq), &Override{Enabled: enabled}}
}

func revoked(seq int64, subject string, until time.Time) RevocationEntry {
	return entryOf(seq, Revocation{Subject: subject, Until: until})
}

func entryOf(seq int64, r Revocation) RevocationEntry {
	return RevocationEntry{Stamp: stamp(seq), Revocation: r, field: r.field()}
}

func TestControlMerge(t *testing.T) {
	later, over := noon.Add(time.Hour), noon
	ann, bob, eve := revoked(3, "ann", later), revoked(4, "bob", later), revoked(5, "eve", over)
	back := revoked(7, "ann", later)
	back.Cleared = true
	again, clear := revoked(9, "ann", later), FlagEntry{Stamp: stamp(8)}
	for name, test := range map[string]struct{ a, b, want Entries }{
		"nothing":                      {Entries{}, Entries{}, Entries{}},
		"one of two":                   {Entries{Flag: flagSet(7, true)}, Entries{}, Entries{Flag: flagSet(7, true)}},
		"the later flag":               {Entries{Flag: flagSet(7, true)}, Entries{Flag: flagSet(6, false)}, Entries{Flag: flagSet(7, true)}},
		"a clear that survives":        {Entries{Flag: flagSet(7, false)}, Entries{Flag: clear}, Entries{Flag: clear}},
		"a clear that was overtaken":   {Entries{Flag: flagSet(9, false)}, Entries{Flag: clear}, Entries{Flag: flagSet(9, false)}},
		"one number given twice":       {Entries{Flag: flagSet(7, true)}, Entries{Flag: flagSet(7, false)}, Entries{Flag: flagSet(7, true)}},
		"revocations of two admins":    {Entries{Revocations: []RevocationEntry{bob}}, Entries{Revocations: []RevocationEntry{ann}}, Entries{Revocations: []RevocationEntry{ann, bob}}},
		"the same revocation twice":    {Entries{Revocations: []RevocationEntry{ann}}, Entries{Revocations: []RevocationEntry{again}}, Entries{Revocations: []RevocationEntry{again}}},
		"a revocation taken back":      {Entries{Revocations: []RevocationEntry{ann}}, Entries{Revocations: []RevocationEntry{back}}, Entries{Revocations: []RevocationEntry{back}}},
		"taken back, and set again":    {Entries{Revocations: []RevocationEntry{back}}, Entries{Revocations: []RevocationEntry{again}}, Entries{Revocations: []RevocationEntry{again}}},
		"a revocation that is over":    {Entries{Revocations: []RevocationEntry{eve}}, Entries{Revocations: []RevocationEntry{ann}}, Entries{Revocations: []RevocationEntry{ann}}},
		"flag and revocations are two": {Entries{Flag: flagSet(7, true)}, Entries{Revocations: []RevocationEntry{bob}}, Entries{flagSet(7, true), []RevocationEntry{bob}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, got := range []Entries{test.a.Merge(test.b, noon), test.b.Merge(test.a, noon), test.a.Merge(test.b, noon).Merge(test.b, noon)} {
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("%+v, want %+v", got, test.want)
				}
			}
		})
	}
}

func TestControlMergeIsBounded(t *testing.T) {
	var a, b Entries
	for i := range int64(MaxRevocations) {
		a.Revocations = append(a.Revocations, revoked(2*i+1, fmt.Sprint("a", i), noon.Add(time.Hour)))
		b.Revocations = append(b.Revocations, revoked(2*i+2, fmt.Sprint("b", i), noon.Add(time.Hour)))
	}
	got := a.Merge(b, noon).Revocations
	if len(got) != MaxRevocations || got[0].Seq != MaxRevocations+1 {
		t.Errorf("%d revocations from %d on, want the latest %d", len(got), got[0].Seq, MaxRevocations)
	}
}

// drawControl is a small state, so that two of them clash often.
func drawControl(t *rapid.T, name string) (c Entries) {
	if seq := rapid.Int64Range(0, 4).Draw(t, name+" flag"); seq > 0 {
		c.Flag.Stamp = stamp(seq)
		if !rapid.Bool().Draw(t, name+" cleared") {
			percent := rapid.IntRange(0, 2).Draw(t, name+" percent")
			c.Flag.Override = &Override{Enabled: rapid.Bool().Draw(t, name+" enabled"), Percent: &percent}
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, name+" revocations") {
		e := revoked(rapid.Int64Range(1, 4).Draw(t, name+" seq"),
			rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(t, name+" sub"),
			noon.Add(time.Duration(rapid.IntRange(-1, 2).Draw(t, name+" until"))*time.Hour))
		e.Cleared = rapid.Bool().Draw(t, name+" cleared")
		c.Revocations = append(c.Revocations, e)
	}
	return c.Merge(Entries{}, noon.Add(-24*time.Hour))
}

func TestControlMergeIsAUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawControl(t, "a"), drawControl(t, "b"), drawControl(t, "c")
		ab := a.Merge(b, noon)
		for what, other := range map[string]Entries{
			"b, a":              b.Merge(a, noon),
			"the same twice":    ab.Merge(ab, noon),
			"a again":           a.Merge(ab, noon),
			"nothing":           ab.Merge(Entries{}, noon),
			"grouped otherwise": a.Merge(b.Merge(ab, noon), noon),
		} {
			if !reflect.DeepEqual(ab, other) {
				t.Fatalf("%s: %+v and %+v", what, ab, other)
			}
		}
		if one, other := ab.Merge(c, noon), a.Merge(b.Merge(c, noon), noon); !reflect.DeepEqual(one, other) {
			t.Fatalf("%+v and %+v", one, other)
		}
	})
}

// What Go writes it reads, and puts where it finds it again.
func TestControlEntries(t *testing.T) {
	p, err := version.ParseProject("team-a:42")
	if err != nil {
		t.Fatal(err)
	}
	percent, ramp := 10, Millis(1500*time.Millisecond)
	want := Entries{Revocations: []RevocationEntry{
		entryOf(1, Revocation{ID: "7f", Until: noon}),
		entryOf(2, Revocation{Subject: `"Ünï\n"<`, Project: p, Until: noon}),
		entryOf(3, Revocation{Before: noon, Until: noon.Add(time.Hour)}),
		entryOf(4, Revocation{Subject: strings.Repeat("x", maxName), ID: strings.Repeat("x", maxName), Until: noon}),
	}}
	want.Revocations[1].Cleared = true
	for _, test := range []struct {
		override *Override
		text     string // other versions of Nudge read and write it too
	}{
		{nil, `"clear":true}`},
		{&Override{Enabled: true}, `"enabled":true}`},
		{&Override{Percent: &percent, Ramp: &ramp}, `"enabled":false,"percent":10,"ramp_ms":1500}`},
		{&Override{Why: "missed at 5 percent"}, `"enabled":false,"why":"missed at 5 percent"}`},
		{
			&Override{Enabled: true, Percent: &percent, Rollout: &Rollout{Goal: 100, Step: Millis(time.Minute), Guards: []Guard{GuardPolls}}},
			`"enabled":true,"percent":10,"rollout":{"goal":100,"step_ms":60000,"guards":["polls"]}}`,
		},
	} {
		flag := FlagEntry{stamp(5), test.override}
		if got := flag.text(); got != test.text {
			t.Errorf("stored is %s, want %s", got, test.text)
		}
		want.Flag = flag
		answer := entry(flagField, flag.Stamp, flag.text())
		for _, e := range want.Revocations {
			answer = append(answer, entry(e.field, e.Stamp, e.text())...)
		}
		got, seqs, err := Decode(answer)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %+v, want %+v", err, got, want)
		}
		if seqs[flagField] != 5 || len(seqs) != 5 {
			t.Errorf("sequence numbers %v", seqs)
		}
	}
}

// entry is what control.lua says of one.
func entry(field string, s Stamp, text string) []string {
	return []string{field, fmt.Sprint(s.Seq), fmt.Sprint(s.Time.UnixMilli()), text}
}

func TestControlGarbage(t *testing.T) {
	ann := Revocation{Subject: "ann", Until: noon}
	for _, garbage := range [][2]string{
		{"flag", ""},
		{"flag", `"enabled":"yes"}`},
		{"flag", `"percent":10}`},
		{"flag", `"enabled":true,"percent":101}`},
		{"flag", `"enabled":true,"percent":-1}`},
		{"flag", `"enabled":true,"percent":1.5}`},
		{"flag", `"enabled":true,"ramp_ms":86400001}`},
		{"flag", `"enabled":true,"percent":10,"rollout":{"goal":5,"step_ms":1000,"guards":[]}}`},
		{"flag", `"enabled":true,"percent":10,"rollout":{"goal":101,"step_ms":1000,"guards":[]}}`},
		{"flag", `"enabled":true,"percent":10,"rollout":{"goal":100,"step_ms":9223372036854775807,"guards":[]}}`},
		{"flag", `"enabled":true,"percent":10,"rollout":{"goal":100,"step_ms":1000,"guards":["late"]}}`},
		{"flag", `"enabled":true,"rollout":{"goal":100,"step_ms":1000,"guards":[]}}`},
		{"flag", `"enabled":false,"percent":10,"rollout":{"goal":100,"step_ms":1000,"guards":[]}}`},
		{"flag", `"enabled":true,"ramp_ms":-1}`},
		{"flag", `"enabled":true,"ramp_ms":-9223372036854775808}`},
		{"revoke:1", ann.text()},
		{ann.field(), `"sub":"ann"}`},
		{ann.field(), `"until_ms":1,"sub":"bob"}`},
		{ann.field(), `"until_ms":1}`},
		{ann.field(), `"until_ms":1,"project":"42"}`},
		{ann.field(), `"until_ms":1,"sub":"ann","project":"4 2"}`},
		{ann.field(), `"until_ms":9007199254740991,"sub":"ann"}`},
		{ann.field(), `"until_ms":1,"before_ms":-5,"sub":"ann"}`},
		{ann.field(), `"until_ms":1,"sub":"` + strings.Repeat("a", maxName+1) + `"}`},
	} {
		bad := entry(garbage[0], stamp(7), garbage[1])
		got, seqs, err := Decode(bad)
		if err == nil || !reflect.DeepEqual(got, Entries{}) {
			t.Errorf("%s %.80s: %v, %+v", garbage[0], garbage[1], err, got)
		}
		if seqs[garbage[0]] != 7 { // a later version of Nudge may understand it
			t.Errorf("%s %.80s: its number is lost, so that it would be overwritten", garbage[0], garbage[1])
		}
		// Garbage silences no neighbour.
		if got, _, _ := Decode(append(bad, entry(ann.field(), stamp(1), ann.text())...)); len(got.Revocations) != 1 {
			t.Errorf("%s %.80s: the revocation beside it is lost", garbage[0], garbage[1])
		}
	}
	// What is no entry by the word of control.lua counts as absent.
	got, seqs, err := Decode([]string{"flag", "0", "0", ""})
	if err == nil || !reflect.DeepEqual(got, Entries{}) || len(seqs) > 0 {
		t.Errorf("%v, %+v, %v", err, got, seqs)
	}
}

func TestRevocationCheck(t *testing.T) {
	for name, r := range map[string]Revocation{
		"nothing":                       {Until: noon},
		"no end":                        {ID: "1"},
		"a long id":                     {ID: strings.Repeat("x", maxName+1), Until: noon},
		"a subject that is no text":     {Subject: "\xff", Until: noon},
		"too much of what JSON escapes": {ID: strings.Repeat("\x01", maxName/2), Until: noon},
		"a time before Unix":            {Before: time.Unix(-5, 0), Until: noon},
		"a time beyond JSON":            {ID: "1", Until: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if err := r.Check(); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if err := (Revocation{Subject: "ann", Until: noon}).Check(); err != nil {
		t.Error(err)
	}
}

// What is not said of a revocation is chosen so that tokens signed later are good, and that it is kept until no token that it
// revokes can be valid.
func TestRevocationDefaults(t *testing.T) {
	now, life := noon.Add(123_456_789*time.Nanosecond).In(time.FixedZone("", 3600)), time.Hour
	at := time.UnixMilli(now.UnixMilli()).UTC()
	for name, test := range map[string]struct {
		r, want Revocation
		life    time.Duration
	}{
		"a token":            {Revocation{ID: "1"}, Revocation{ID: "1", Until: at.Add(life)}, life},
		"a subject":          {Revocation{Subject: "ann"}, Revocation{Subject: "ann", Before: at, Until: at.Add(life)}, life},
		"an earlier time":    {Revocation{Before: now.Add(-time.Hour)}, Revocation{Before: at.Add(-time.Hour), Until: at.Add(life)}, life},
		"a later time":       {Revocation{Before: now.Add(time.Hour)}, Revocation{Before: at.Add(time.Hour), Until: at.Add(2 * time.Hour)}, life},
		"its own end":        {Revocation{ID: "1", Until: now.Add(time.Minute)}, Revocation{ID: "1", Until: at.Add(time.Minute)}, life},
		"tokens without end": {Revocation{ID: "1"}, Revocation{ID: "1", Until: time.UnixMilli(year10000 - 1).UTC()}, 0},
	} {
		if got, err := test.r.WithDefaults(now, test.life); err != nil || got != test.want {
			t.Errorf("%s: %v, %+v, want %+v", name, err, got, test.want)
		}
	}
	for name, r := range map[string]Revocation{
		"nothing":        {},
		"two days ahead": {Before: now.Add(48 * time.Hour)},
		"over":           {ID: "1", Until: now},
	} {
		if _, err := r.WithDefaults(now, life); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		first, goal int
		want        []int
	}{
		{1, 100, []int{1, 2, 5, 10, 20, 50, 100}},
		{1, 2, []int{1, 2}},
		{1, 30, []int{1, 2, 5, 10, 20, 30}},
		{33, 100, []int{33, 50, 100}},
		{100, 100, []int{100}},
	} {
		if got := Steps(c.first, c.goal); !slices.Equal(got, c.want) {
			t.Errorf("from %d to %d: %v, want %v", c.first, c.goal, got, c.want)
		}
	}
}
