package version

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// The table finds what a map would find, however many come and go.
func TestIndices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := map[Index]string{}
		x := newIndices(func(i Index) string { return names[i] })
		want := map[Project]Index{}
		for step := range rapid.IntRange(1, 300).Draw(t, "steps") {
			p := Project{fmt.Sprint(rapid.IntRange(0, 99).Draw(t, "project"))}
			i, slot := x.find(p)
			if i != want[p] {
				t.Fatalf("%s has index %d, want %d", p, i, want[p])
			}
			if i == 0 {
				i = Index(step + 1)
				names[i], want[p] = p.id, i
				x.add(p, i)
				continue
			}
			x.remove(slot)
			delete(names, i)
			delete(want, p)
		}
		for n := range 100 {
			p := Project{fmt.Sprint(n)}
			if i, _ := x.find(p); i != want[p] {
				t.Fatalf("in the end %s has index %d, want %d", p, i, want[p])
			}
		}
		if x.used != len(want) || 4*x.used > 3*len(x.slots) {
			t.Fatalf("%d of %d slots are used, for %d projects", x.used, len(x.slots), len(want))
		}
	})
}
