package limits

import "testing"

func TestTally(t *testing.T) {
	var all Tally
	add := func(c Counted, n int) (counted int) {
		for range n {
			if all.Add(c) {
				counted++
			}
		}
		return counted
	}
	is := func(what string, got, want, extra int) {
		t.Helper()
		if got != want || all.Extra() != extra {
			t.Errorf("%s: %d count, want %d; %d do not, want %d", what, got, want, all.Extra(), extra)
		}
	}
	ann, ben, office, many := Counted{Key: 1}, Counted{Key: 2}, Counted{Key: 3, Network: true}, Counted{}
	is("three tabs", add(ann, 3), 3, 0)
	is("100 tabs", add(ann, 97), 1, 96)
	is("another", add(ben, 1), 1, 96)
	is("an office", add(office, 100), 64, 132)
	is("a proxy that says nothing", add(many, 1000), 1000, 132)
	if all.Promote(ann) {
		t.Error("a fifth counts")
	}
	all.Remove(ann, true)
	if !all.Promote(ann) || all.Promote(ann) {
		t.Error("no other takes the place of one that ended")
	}
	is("then", 0, 0, 131)
	for n := range 99 {
		all.Remove(ann, n < 4)
	}
	for n := range 100 {
		all.Remove(office, n < 64)
	}
	for range 1000 {
		all.Remove(many, true)
	}
	all.Remove(ben, true)
	is("in the end", 0, 0, 0)
	if all.each != nil {
		t.Errorf("%v is left", all.each)
	}
}
