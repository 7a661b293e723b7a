package auth

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"nudge/gateway/limits"
	"nudge/version"
	"nudge/version/control"
)

// both matches the caller at the door, and as a parked stream.
func both(t *testing.T, r Revocations, c *Caller, p version.Project) bool {
	t.Helper()
	door, parked := r.Match(c, p), r.MatchFingerprint(c.Fingerprint(), p)
	if door != parked {
		t.Errorf("%+v for %q: %v at the door, %v when parked", c, p, door, parked)
	}
	return door
}

func TestRevocations(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 900_000_000, time.UTC)
	until := time.Now().Add(time.Hour)
	seven, err := version.ParseProject("7")
	if err != nil {
		t.Fatal(err)
	}
	token := func(id, subject string, issued time.Time) *Caller {
		return &Caller{id: id, Subject: subject, Issued: issued}
	}
	second := at.Truncate(time.Second)
	for name, test := range map[string]struct {
		rule    control.Revocation
		caller  *Caller
		project version.Project
		want    bool
	}{
		"id":                               {control.Revocation{ID: "1"}, token("1", "ann", at), version.Project{}, true},
		"another id":                       {control.Revocation{ID: "1"}, token("2", "ann", at), version.Project{}, false},
		"no id":                            {control.Revocation{ID: "1"}, token("", "1", at), version.Project{}, false},
		"subject":                          {control.Revocation{Subject: "ann"}, token("1", "ann", at), version.Project{}, true},
		"another subject":                  {control.Revocation{Subject: "ann"}, token("ann", "bob", at), version.Project{}, false},
		"no subject":                       {control.Revocation{Subject: "ann"}, token("", "", at), version.Project{}, false},
		"id and subject":                   {control.Revocation{ID: "1", Subject: "ann"}, token("1", "ann", at), version.Project{}, true},
		"id of another subject":            {control.Revocation{ID: "1", Subject: "ann"}, token("1", "bob", at), version.Project{}, false},
		"a project":                        {control.Revocation{Subject: "ann", Project: seven}, token("", "ann", at), seven, true},
		"a project, the token":             {control.Revocation{Subject: "ann", Project: seven}, token("", "ann", at), version.Project{}, false},
		"before: the second before":        {control.Revocation{Before: at}, token("", "", second.Add(-time.Second)), version.Project{}, true},
		"before: a second that had begun":  {control.Revocation{Before: at}, token("", "", second), version.Project{}, true},
		"before: the second after":         {control.Revocation{Before: at}, token("", "", second.Add(time.Second)), version.Project{}, false},
		"before: issued at no known time":  {control.Revocation{Before: at}, token("", "ann", time.Time{}), version.Project{}, true},
		"before, of another subject":       {control.Revocation{Subject: "ann", Before: at}, token("", "bob", second), version.Project{}, false},
		"before: a caller without a token": {control.Revocation{Before: at.AddDate(5000, 0, 0)}, &Caller{Open: true}, version.Project{}, false},
		"over":                             {control.Revocation{ID: "1", Until: time.Now().Add(-time.Second)}, token("1", "", at), version.Project{}, false},
	} {
		if test.rule.Until.IsZero() {
			test.rule.Until = until
		}
		r, _ := Revocations{}.With([]control.Revocation{test.rule}, nil, time.Now())
		if got := both(t, r, test.caller, test.project); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Among a hundred thousand users two share 32 bits of their hash. To revoke one must not touch the other.
func TestRevokingOneOfTwoWithSimilarHashes(t *testing.T) {
	seen := map[uint32]string{}
	for i := 0; ; i++ {
		bob := strconv.Itoa(i)
		ann, similar := seen[uint32(limits.KeyOf(bob))]
		if !similar {
			seen[uint32(limits.KeyOf(bob))] = bob
			continue
		}
		r, _ := Revocations{}.With([]control.Revocation{{Subject: ann, Until: time.Now().Add(time.Hour)}}, nil, time.Now())
		if !both(t, r, &Caller{Subject: ann}, version.Project{}) {
			t.Errorf("%s is not revoked", ann)
		}
		if both(t, r, &Caller{Subject: bob}, version.Project{}) {
			t.Errorf("to revoke %s revokes %s", ann, bob)
		}
		return
	}
}

// However many a source tells, one after the other, they are bounded, and the latest hold.
func TestRevocationsAreBounded(t *testing.T) {
	var r Revocations
	until := time.Now().Add(time.Hour)
	for round := range 3 {
		told := make([]control.Revocation, mostRules/2)
		for i := range told {
			told[i] = control.Revocation{ID: fmt.Sprint(round, " ", i), Until: until}
		}
		var fresh int
		if r, fresh = r.With(told, nil, time.Now()); fresh != len(told) {
			t.Errorf("%d are new, want %d", fresh, len(told))
		}
		if again, fresh := r.With(told, nil, time.Now()); fresh != 0 || len(again.rules) != len(r.rules) {
			t.Errorf("%d are new when told again, %d in force", fresh, len(again.rules))
		}
	}
	if len(r.rules) != mostRules {
		t.Errorf("%d are in force, want %d", len(r.rules), mostRules)
	}
	for id, want := range map[string]bool{"0 0": false, "1 0": true, "2 0": true} {
		if got := both(t, r, &Caller{id: id}, version.Project{}); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// The cost of a lookup does not depend on how many are in force.
func BenchmarkMatchFingerprint(b *testing.B) {
	for _, n := range []int{100, mostRules} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			told := make([]control.Revocation, n)
			for i := range told {
				told[i] = control.Revocation{Subject: strconv.Itoa(i), Until: time.Now().Add(time.Hour)}
			}
			r, _ := Revocations{}.With(told, nil, time.Now())
			f := (&Caller{id: "1", Subject: "ann"}).Fingerprint()
			b.ReportAllocs()
			for b.Loop() {
				r.MatchFingerprint(f, version.Project{})
			}
		})
	}
}

func BenchmarkWith(b *testing.B) {
	told := make([]control.Revocation, mostRules)
	for i := range told {
		told[i] = control.Revocation{Subject: strconv.Itoa(i), Until: time.Now().Add(time.Hour)}
	}
	r, _ := Revocations{}.With(told, nil, time.Now())
	for b.Loop() {
		r.With(told[:mostRules/2], nil, time.Now())
	}
}

// What was taken back ends, and the others stay.
func TestRevocationsTakenBack(t *testing.T) {
	until := time.Now().Add(time.Hour)
	ann, bob := control.Revocation{Subject: "ann", Until: until}, control.Revocation{Subject: "bob", Until: until}
	r, _ := Revocations{}.With([]control.Revocation{ann, bob}, nil, time.Now())
	after, fresh := r.With(nil, []control.Revocation{ann}, time.Now())
	if fresh != 0 || after.Len(time.Now()) != 1 || both(t, after, &Caller{Subject: "ann"}, version.Project{}) ||
		!both(t, after, &Caller{Subject: "bob"}, version.Project{}) {
		t.Errorf("%d new, %+v", fresh, after.rules)
	}
	if again, fresh := after.With([]control.Revocation{ann}, nil, time.Now()); fresh != 1 || again.Len(time.Now()) != 2 {
		t.Errorf("revoked again: %d new", fresh)
	}
	if n := r.Len(until); n != 0 {
		t.Errorf("%d are in force when all are over", n)
	}
}
