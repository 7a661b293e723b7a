package stream

import "testing"

func TestExtras(t *testing.T) {
	e := newExtras(4)
	for _, step := range []struct {
		caller  uint64
		n, over int
	}{{7, 3, 0}, {7, 3, 2}, {8, 1, 2}, {0, 2, 4}, {7, -4, 2}, {0, -2, 0}, {7, -2, 0}, {8, -1, 0}} {
		for range max(step.n, -step.n) {
			e.add(1, step.caller, step.n/max(step.n, -step.n))
		}
		if e.over[1] != step.over {
			t.Errorf("%+v: %d are over", step, e.over[1])
		}
	}
	if len(e.each)+len(e.over) > 0 {
		t.Errorf("%v is left", e)
	}
}
