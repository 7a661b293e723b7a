package version

import (
	"testing"
	"testing/synctest"
	"time"
)

// A version that a read found is a repair when a message came back that was published later, and its own message has not come.
func TestRepairs(t *testing.T) {
	p := project(t, "42")
	heard := func(after time.Duration) func(*Board, Project) {
		return func(b *Board, _ Project) {
			b.Heard(time.Now().Add(after))
		}
	}
	before, after := heard(-time.Second), heard(time.Second)
	for name, test := range map[string]struct {
		do   []func(*Board, Project)
		want Repairs
	}{
		"nothing is heard":               {[]func(*Board, Project){routine(2)}, Repairs{}},
		"heard, but published before":    {[]func(*Board, Project){routine(2), before}, Repairs{}},
		"heard":                          {[]func(*Board, Project){routine(2), after}, Repairs{Routine: 1}},
		"heard twice":                    {[]func(*Board, Project){routine(2), after, after}, Repairs{Routine: 1}},
		"its message came":               {[]func(*Board, Project){routine(2), announce(2), after}, Repairs{}},
		"two, one after the other":       {[]func(*Board, Project){routine(2), after, routine(3), after}, Repairs{Routine: 2}},
		"two at once":                    {[]func(*Board, Project){routine(2), routine(3), after}, Repairs{Routine: 1}},
		"nothing new":                    {[]func(*Board, Project){routine(1), after}, Repairs{}},
		"news lost in a gap":             {[]func(*Board, Project){gap, confirm(2, 1), after}, Repairs{Gap: 1}},
		"no news in a gap":               {[]func(*Board, Project){gap, confirm(1, 1)}, Repairs{}},
		"a gap, and its message came":    {[]func(*Board, Project){gap, announce(2), confirm(2, 1)}, Repairs{}},
		"a gap, and another data set":    {[]func(*Board, Project){gap, confirm(2, 7)}, Repairs{}},
		"a gap after news was not heard": {[]func(*Board, Project){routine(2), gap, confirm(2, 1), after}, Repairs{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewBoard()
				b.Open(p)
				b.Confirm(p, Key{1, true}, 1)
				for _, do := range test.do {
					do(b, p)
				}
				if got := b.Repairs(); got != test.want {
					t.Errorf("%+v, want %+v", got, test.want)
				}
			})
		})
	}
}
