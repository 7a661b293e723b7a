package limits

import "testing"

func TestTally(t *testing.T) {
	var all Tally
	add := func(c Counted, n int) (counted int) {
		for range n {
			if all.Count(c) {
				counted++
			}
		}
		return counted
	}
	is := func(what string, got, want, total int) {
		t.Helper()
		if got != want || all.Total() != total {
			t.Errorf("%s: %d count, want %d; %d in all, want %d", what, got, want, all.Total(), total)
		}
	}
	ann, ben, office, many := Counted{Key: 1}, Counted{Key: 2}, Counted{Key: 3, Network: true}, Counted{}
	is("three tabs", add(ann, 3), 3, 3)
	is("100 tabs", add(ann, 97), 1, 4)
	is("another", add(ben, 1), 1, 5)
	is("an office", add(office, 100), 64, 69)
	is("a proxy that says nothing", add(many, 1000), 1000, 1069)
	is("a fifth", add(ann, 1), 0, 1069)
	all.Remove(ann)
	is("in the place of one that ended", add(ann, 2), 1, 1069)
	for _, c := range []struct {
		Counted
		streams int
	}{{ann, 4}, {office, 64}, {many, 1000}, {ben, 1}} {
		for range c.streams {
			all.Remove(c.Counted)
		}
	}
	is("in the end", 0, 0, 0)
	if all.each != nil {
		t.Errorf("%v is left", all.each)
	}
}
