package fallback_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"nudge/fallback"
)

func TestFlagStories(t *testing.T) {
	on := func(f fallback.Flag) fallback.Flag {
		f.Enabled = true
		return f
	}
	all := fallback.Flag{Percent: 100}
	for _, tc := range []struct {
		name             string
		flag             fallback.Flag
		subject, project string
		want             bool
	}{
		{"nobody set anything", fallback.Flag{}, "alice", "42", false},
		{"enabled for nobody", on(fallback.Flag{}), "alice", "42", false},
		{"disabled for everybody", all, "alice", "42", false},
		{"enabled for everybody", on(all), "alice", "42", true},
		{"everybody is also the unknown", on(all), "", "42", true},
		{"99 of 100 is not the unknown", on(fallback.Flag{Percent: 99}), "", "42", false},
		{"more than everybody", on(fallback.Flag{Percent: 250}), "", "42", true},
		{"less than nobody", on(fallback.Flag{Percent: -1}), "alice", "42", false},

		{"included by id", on(fallback.Flag{Percent: 100, Include: []string{"7", "42"}}), "", "42", true},
		{"not included", on(fallback.Flag{Percent: 100, Include: []string{"7", "42"}}), "", "421", false},
		{"included by prefix", on(fallback.Flag{Percent: 100, Include: []string{"team-a:*"}}), "", "team-a:42", true},
		{"the prefix itself", on(fallback.Flag{Percent: 100, Include: []string{"team-a:*"}}), "", "team-a:", true},
		{"another prefix", on(fallback.Flag{Percent: 100, Include: []string{"team-a:*"}}), "", "team-b:42", false},
		{"a prefix is not a part", on(fallback.Flag{Percent: 100, Include: []string{"team-a:*"}}), "", "x-team-a:42", false},
		{"every project", on(fallback.Flag{Percent: 100, Include: []string{"*"}}), "", "42", true},
		{"a star elsewhere is no pattern", on(fallback.Flag{Percent: 100, Include: []string{"*2"}}), "", "42", false},
		{"excluded by id", on(fallback.Flag{Percent: 100, Exclude: []string{"42"}}), "", "42", false},
		{"excluded is somebody else", on(fallback.Flag{Percent: 100, Exclude: []string{"42"}}), "", "4", true},
		{"excluded by prefix", on(fallback.Flag{Percent: 100, Exclude: []string{"4*"}}), "", "42", false},
		{"excluded wins", on(fallback.Flag{Percent: 100, Include: []string{"42"}, Exclude: []string{"4*"}}), "", "42", false},
		{"included does not help the unchosen", on(fallback.Flag{Percent: 10, Include: []string{"42"}}), "alice", "42", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.flag.Allows(fallback.BucketOf(tc.subject), tc.project); got != tc.want {
				t.Errorf("Allows(%q, %q) = %v, want %v", tc.subject, tc.project, got, tc.want)
			}
		})
	}
}

func TestFlagForACallerWhoNamesNoProject(t *testing.T) {
	f := fallback.Flag{Enabled: true, Percent: 100, Include: []string{"42"}, Exclude: []string{"*"}}
	if !f.AllowsCaller(fallback.BucketOf("alice")) || !f.AllowsCaller(fallback.BucketOf("")) {
		t.Error("the lists of projects must not matter")
	}
	f.Enabled = false
	if f.AllowsCaller(fallback.BucketOf("alice")) {
		t.Error("a disabled flag lets alice in")
	}
}

// The buckets were computed by another program:
// sha256sum of "nudge:" + subject, first 16 hex digits, modulo 100. They may
// never change: a deployed percentage means these very people.
func TestFlagBucketsAreForEver(t *testing.T) {
	for subject, bucket := range map[string]int{
		"alice":                     24,
		"bob":                       85,
		"carol":                     48,
		"42":                        3,
		"user:7f3a":                 95,
		"Ünïcode":                   78,
		strings.Repeat("long", 100): 51,
	} {
		without := fallback.Flag{Enabled: true, Percent: bucket}
		with := fallback.Flag{Enabled: true, Percent: bucket + 1}
		if without.AllowsCaller(fallback.BucketOf(subject)) || !with.AllowsCaller(fallback.BucketOf(subject)) {
			t.Errorf("%.20q is not in bucket %d", subject, bucket)
		}
	}
}

func TestFlagPercentIsRoughlyThePercent(t *testing.T) {
	const subjects = 20_000
	for _, percent := range []int{1, 10, 25, 50, 75, 99} {
		f := fallback.Flag{Enabled: true, Percent: percent}
		in := 0
		for i := range subjects {
			if f.AllowsCaller(fallback.BucketOf(fmt.Sprintf("user-%d", i))) {
				in++
			}
		}
		// Four standard deviations of the widest case are 1.4 points.
		if got := 100 * float64(in) / subjects; got < float64(percent)-1.5 || got > float64(percent)+1.5 {
			t.Errorf("%d %% let %.1f %% in", percent, got)
		}
	}
}

func TestFlagRaisingThePercentOnlyAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subject := rapid.String().Draw(t, "subject")
		low := rapid.IntRange(-10, 110).Draw(t, "low")
		high := rapid.IntRange(low, 120).Draw(t, "high")
		before := fallback.Flag{Enabled: true, Percent: low}
		after := fallback.Flag{Enabled: true, Percent: high}
		if before.AllowsCaller(fallback.BucketOf(subject)) && !after.AllowsCaller(fallback.BucketOf(subject)) {
			t.Fatalf("%q is in at %d and out at %d", subject, low, high)
		}
	})
}
