package gateway

import (
	"fmt"
	"testing"
	"time"

	"nudge/version"
)

// A token tells the second of its issue only: if that began before the time, it counts as before.
func TestRevocationWithinASecond(t *testing.T) {
	before := time.Date(2026, 11, 24, 12, 0, 0, 900_000_000, time.UTC)
	s, _ := revocations{}.with([]Revocation{{Before: before, Until: time.Now().Add(time.Hour)}}, time.Now())
	for issued, want := range map[int64]bool{before.Unix() - 1: true, before.Unix(): true, before.Unix() + 1: false} {
		if got := s.match(fingerprint{issued: uint32(issued)}, version.Project{}); got != want {
			t.Errorf("issued at %d, taken back before %d.9: %v", issued, before.Unix(), got)
		}
	}
}

// However many a source tells, one after the other, they are bounded, and the latest hold.
func TestRevocationsAreBounded(t *testing.T) {
	var s revocations
	until := time.Now().Add(time.Hour)
	for round := range 3 {
		told := make([]Revocation, mostRules/2)
		for i := range told {
			told[i] = Revocation{ID: fmt.Sprint(round, " ", i), Until: until}
		}
		s, _ = s.with(told, time.Now())
	}
	if len(s.rules) != mostRules {
		t.Errorf("%d are in force, want %d", len(s.rules), mostRules)
	}
	for id, want := range map[string]bool{"0 0": false, "1 0": true, "2 0": true} {
		if got := s.match(fingerprint{id: hash(id)}, version.Project{}); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}
