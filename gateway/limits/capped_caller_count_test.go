package limits

import "testing"

func TestTally(t *testing.T) {
	var all Tally
	is := func(want int) {
		t.Helper()
		if got := all.Total(); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	for range 100 {
		all.Add(1, 1)
	}
	is(8)
	all.Add(2, 1)
	is(9)
	for range 50 {
		all.Add(Nobody, 1)
	}
	is(59)
	for range 95 {
		all.Add(1, -1)
	}
	is(56)
	all.Add(1, -5)
	all.Add(2, -1)
	all.Add(Nobody, -50)
	is(0)
	if all.each != nil {
		t.Errorf("%v is left", all.each)
	}
}
