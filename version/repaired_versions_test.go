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

// A suspect is lost when a message came back that was published after the read, also if that came before the suspicion. Then it
// is lost once, and who suspects it again before delays nothing.
func TestSuspects(t *testing.T) {
	p, other := project(t, "42"), project(t, "7")
	suspect := func(b *Board, p Project) { b.Suspect(p) }
	wait := func(*Board, Project) { time.Sleep(time.Second) }
	heard := func(b *Board, _ Project) { b.Heard(time.Now()) }
	for name, test := range map[string]struct {
		do   []func(*Board, Project)
		want int // is lost how often, at the end
	}{
		"nobody suspects":                {[]func(*Board, Project){routine(2), wait}, 0},
		"suspect":                        {[]func(*Board, Project){routine(2), suspect, wait}, 1},
		"the read is too new":            {[]func(*Board, Project){routine(2), suspect}, 0},
		"again and again":                {[]func(*Board, Project){routine(2), suspect, wait, suspect, suspect}, 1},
		"heard before":                   {[]func(*Board, Project){routine(2), wait, heard, suspect}, 1},
		"lost already":                   {[]func(*Board, Project){routine(2), suspect, wait, heard}, 0},
		"lost already, and more is read": {[]func(*Board, Project){routine(2), suspect, wait, heard, routine(3), wait}, 0},
		"lost already, suspect again":    {[]func(*Board, Project){routine(2), suspect, wait, heard, suspect}, 1},
		"heard, suspect, more is read":   {[]func(*Board, Project){routine(2), wait, heard, suspect, routine(3), wait}, 1},
		"its message came":               {[]func(*Board, Project){routine(2), suspect, wait, announce(2)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewBoard()
				for _, p := range []Project{p, other} {
					b.Open(p)
					b.Confirm(p, Key{1, true}, 1)
				}
				routine(2)(b, other)
				for _, do := range test.do {
					do(b, p)
				}
				b.Suspect(project(t, "unknown"))
				if lost := b.Heard(time.Now()); len(lost) != test.want || test.want > 0 && lost[0] != p {
					t.Errorf("%v", lost)
				}
			})
		})
	}
}
