package version

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// project makes a Project in tests.
func project(t testing.TB, id string) Project {
	t.Helper()
	p, err := ParseProject(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// step is one thing that happens to a project, and what is believed of it afterwards.
type step struct {
	what string
	do   func(*Board, Project)
	want State
}

func announce(v Version) func(*Board, Project) {
	return func(b *Board, p Project) { b.Message(News{Project: p, Version: v}) }
}

func reset(v Version) func(*Board, Project) {
	return func(b *Board, p Project) { b.Message(News{Project: p, Version: v, Reset: true}) }
}

func confirm(v Version, origin uint32) func(*Board, Project) {
	return func(b *Board, p Project) { b.Confirm(p, Key{v, true}, origin) }
}

func confirmNoKey(origin uint32) func(*Board, Project) {
	return func(b *Board, p Project) { b.Confirm(p, Key{}, origin) }
}

func routine(v Version) func(*Board, Project) {
	return func(b *Board, p Project) { b.Routine(p, Key{v, true}, b.BeginRead()) }
}

func gap(b *Board, _ Project) { b.Gap() }

func waiting(era uint32) State            { return State{Era: era} }
func unknown(era uint32) State            { return State{Listening: true, Era: era} }
func known(v Version, era uint32) State   { return State{v, era, true, true} }
func unheard(v Version, era uint32) State { return State{v, era, false, true} }

// Each story is a sequence of events and the belief after each: the rules of belief, told once.
func TestBoardBelief(t *testing.T) {
	stories := map[string][]step{
		"the key is believed, greater messages are news": {
			{"watch", func(*Board, Project) {}, waiting(0)},
			{"key 123", confirm(123, 1), known(123, 0)},
			{"older message", announce(122), known(123, 0)},
			{"same message", announce(123), known(123, 0)},
			{"news", announce(124), known(124, 0)},
		},
		"no key is unknown until a message comes": {
			{"no key", confirmNoKey(1), unknown(0)},
			{"news", announce(7), known(7, 0)},
		},
		"a message that overtakes the first read of the key": {
			{"message", announce(9), unheard(9, 0)},
			{"older key", confirm(8, 1), known(9, 0)},
		},
		"a first key greater than an overtaking message": {
			{"message", announce(9), unheard(9, 0)},
			{"newer key", confirm(10, 1), known(10, 0)},
		},
		"a reset that overtakes the first read of the key": {
			{"message", announce(200), unheard(200, 0)},
			{"reset", reset(50), unheard(50, 1)},
			{"key read before the reset", confirm(200, 1), known(50, 1)},
		},
		"a reset goes down once, then up": {
			{"key", confirm(100, 1), known(100, 0)},
			{"reset", reset(50), known(50, 1)},
			{"news", announce(51), known(51, 1)},
		},
		"a gap that lost nothing": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"same key, same history", confirm(100, 1), known(100, 0)},
		},
		"a gap that hid news": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"greater key", confirm(105, 1), known(105, 0)},
		},
		"a gap after which the key is lower": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"lower key", confirm(99, 1), unknown(1)},
			{"news", announce(100), known(100, 1)},
		},
		"a gap after which the key is gone": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"no key", confirmNoKey(1), unknown(1)},
		},
		"a gap into another history": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"same key, another server", confirm(100, 2), unknown(1)},
			{"the last key says that it is no news", routine(100), unknown(1)},
			{"a key that moved is", routine(101), known(101, 1)},
		},
		"a gap after which the history cannot be told": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"key", confirm(100, 0), unknown(1)},
			{"gap", gap, waiting(1)},
			{"nor now", confirm(100, 0), unknown(2)},
		},
		"what was unknown before a gap is unknown after it": {
			{"no key", confirmNoKey(1), unknown(0)},
			{"gap", gap, waiting(0)},
			{"key of another publisher", confirm(10, 1), unknown(1)},
		},
		"a gap goes before a reset that came before its key was read": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"reset", reset(50), unheard(50, 1)},
			{"key", confirm(40, 1), unknown(2)},
		},
		"a message that overtakes the read after a gap": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"news", announce(101), unheard(101, 0)},
			{"key read before it", confirm(100, 1), known(101, 0)},
		},
		"a reset that overtakes the read after a gap": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"reset", reset(50), unheard(50, 1)},
			{"key read before it", confirm(100, 1), unknown(2)},
		},
		"a reset after a gap that the key holds": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"reset", reset(50), unheard(50, 1)},
			{"key read after it", confirm(50, 1), known(50, 1)},
		},
		"a gap before the first read": {
			{"message", announce(10), unheard(10, 0)},
			{"gap", gap, waiting(1)},
			{"no key, another server", confirmNoKey(2), unknown(1)},
		},
		"news of a session that was never confirmed": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"news, perhaps of another history", announce(101), unheard(101, 0)},
			{"gap", gap, waiting(1)},
			{"key", confirm(100, 1), unknown(2)},
		},
		"two gaps, the first too short to read": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"believed in history 1, now 2", confirm(100, 2), unknown(1)},
		},
		"a routine read finds news": {
			{"key", confirm(100, 1), known(100, 0)},
			{"greater", routine(101), known(101, 0)},
			{"the same", routine(101), known(101, 0)},
		},
		"a routine read finds a reset": {
			{"key", confirm(100, 1), known(100, 0)},
			{"below belief and last key", routine(40), known(40, 1)},
		},
		"a publisher that never writes keys": {
			{"old key", confirm(10, 1), known(10, 0)},
			{"news", announce(20), known(20, 0)},
			{"the key stays behind", routine(10), known(20, 0)},
			{"and again", routine(10), known(20, 0)},
		},
		"a routine read finds no key": {
			{"key", confirm(100, 1), known(100, 0)},
			{"none", func(b *Board, p Project) { b.Routine(p, Key{}, b.BeginRead()) }, known(100, 0)},
			{"the last key stays, so this is a reset", routine(90), known(90, 1)},
		},
		"a routine read that is late": {
			{"key", confirm(100, 1), known(100, 0)},
			{"reset while it was on its way", func(b *Board, p Project) {
				sent := b.BeginRead()
				b.Message(News{Project: p, Version: 50, Reset: true})
				b.Routine(p, Key{100, true}, sent)
			}, known(50, 1)},
		},
		"a routine read during a gap": {
			{"key", confirm(100, 1), known(100, 0)},
			{"gap", gap, unheard(100, 0)},
			{"ignored", routine(105), unheard(100, 0)},
		},
		"unknown, and a key appears": {
			{"no key", confirmNoKey(1), unknown(0)},
			{"key", routine(5), known(5, 0)},
		},
		"a reset is the last key, so the key that still holds it is no second one": {
			{"key", confirm(100, 1), known(100, 0)},
			{"reset", reset(50), known(50, 1)},
			{"news without the key", announce(60), known(60, 1)},
			{"the reset's key", routine(50), known(60, 1)},
		},
		"forgetting is whole": {
			{"key", confirm(100, 1), known(100, 0)},
			{"forget", func(b *Board, p Project) { b.Drop(p) }, waiting(0)},
			{"message", announce(101), waiting(0)},
			{"watch", func(b *Board, p Project) { b.Open(p) }, waiting(0)},
			{"lower key", confirm(3, 2), known(3, 0)},
		},
	}
	for name, steps := range stories {
		t.Run(name, func(t *testing.T) {
			b, p := NewBoard(), project(t, "42")
			b.Open(p)
			for i, s := range steps {
				s.do(b, p)
				if diff := cmp.Diff(s.want, b.State(p)); diff != "" {
					t.Fatalf("step %d, %s (-want +got):\n%s", i+1, s.what, diff)
				}
			}
		})
	}
}

func TestBoardTake(t *testing.T) {
	b, p, q := NewBoard(), project(t, "42"), project(t, "7")
	b.Open(p)
	b.Open(q)
	b.Confirm(p, Key{1, true}, 1)
	b.Confirm(q, Key{1, true}, 1)
	b.Take(nil)
	<-b.Changed()

	prev := Version(1)
	b.Message(News{Project: q, Version: 2, Prev: &prev})
	b.Message(News{Project: p, Version: 2, Prev: &prev, Writer: "tab"})
	b.Message(News{Project: q, Version: 3})
	select {
	case <-b.Changed():
	default:
		t.Fatal("news woke nobody")
	}
	got := b.Take(nil)
	want := []Change{
		{Project: q, Index: 2, State: known(3, 0), Advance: true}, // two advances in one: what came with the first is dropped
		{Project: p, Index: 1, State: known(2, 0), Advance: true, Extras: &News{Project: p, Version: 2, Prev: &prev, Writer: "tab"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Project{})); diff != "" {
		t.Fatalf("Take (-want +got):\n%s", diff)
	}
	if again := b.Take(nil); len(again) != 0 {
		t.Fatalf("taken twice: %v", again)
	}

	b.Message(News{Project: p, Version: 1, Reset: true})
	if got := b.Take(nil); len(got) != 1 || !got[0].Reset || got[0].Era != 1 {
		t.Fatalf("after a reset: %+v", got)
	}
	b.Message(News{Project: p, Version: 5})
	b.Drop(p)
	b.Open(p)
	if got := b.Take(nil); len(got) != 0 {
		t.Fatalf("news of a forgotten project: %+v", got)
	}
}

// Whoever watches is sent an event for what moves on from the state taken last, and for nothing else.
func TestBoardAdvanceStories(t *testing.T) {
	type events []func(*Board, Project)
	for name, test := range map[string]struct {
		before, after events
		want          bool
	}{
		"a greater version":                        {events{confirm(5, 1)}, events{announce(6)}, true},
		"the same version, confirmed again":        {events{confirm(5, 1)}, events{gap, confirm(5, 1)}, false},
		"a greater one, found when confirmed":      {events{confirm(5, 1)}, events{gap, confirm(6, 1)}, true},
		"a first version, 0":                       {events{confirmNoKey(1)}, events{announce(0)}, true},
		"none, confirmed again":                    {events{confirmNoKey(1)}, events{gap, confirmNoKey(1)}, false},
		"the first confirmation":                   {nil, events{confirm(5, 1)}, false},
		"the first confirmation, of a reset":       {nil, events{announce(9), reset(5), confirm(5, 1)}, false},
		"the confirmation of what overtook it":     {events{announce(5)}, events{confirm(5, 1)}, false},
		"a message before the first confirmation":  {nil, events{announce(5)}, true},
		"a message while the subscription is away": {events{confirm(5, 1)}, events{gap, announce(6)}, true},
		"forgotten":                              {events{confirm(5, 1)}, events{gap, confirm(4, 1)}, false},
		"a first version after it was forgotten": {events{confirm(5, 1), gap, confirm(4, 1)}, events{announce(3)}, true},
		"forgotten, and a version at once":       {events{confirm(5, 1)}, events{gap, confirm(4, 1), announce(6)}, false},
		"a reset":                                {events{confirm(5, 1)}, events{reset(2)}, true},
		"a reset to a greater version":           {events{confirm(5, 1)}, events{reset(9)}, true},
		"a reset, and a greater version":         {events{confirm(5, 1)}, events{reset(2), announce(3)}, true},
		"two resets at once":                     {events{confirm(5, 1)}, events{reset(3), reset(2)}, false},
		"a reset where nothing was known":        {events{confirmNoKey(1)}, events{reset(2)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := NewBoard(), project(t, "42")
			b.Open(p)
			for _, do := range test.before {
				do(b, p)
			}
			b.Take(nil)
			for _, do := range test.after {
				do(b, p)
			}
			if got := b.Take(nil); len(got) != 1 || got[0].Advance != test.want {
				t.Errorf("%+v, want Advance to be %t", got, test.want)
			}
		})
	}
}

// advances is what Advance must be, by comparison with the state that was taken before.
func advances(c Change, last State) bool {
	switch {
	case !c.Known, c.Listening && !last.Listening:
		return false
	case c.Era == last.Era:
		return !last.Known || c.Version > last.Version
	}
	return c.Reset && last.Known && c.Era == last.Era+1
}

// An advance is known without the state that was taken before: by whatever happens, it is what a comparison says.
func TestBoardAdvance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, p := NewBoard(), Project{"42"}
		b.Open(p)
		var last State
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			v := Version(rapid.IntRange(0, 5).Draw(t, "version"))
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0:
				b.Gap()
			case 1:
				b.Confirm(p, Key{v, true}, uint32(rapid.IntRange(0, 2).Draw(t, "origin")))
			case 2:
				b.Confirm(p, Key{}, 1)
			case 3:
				b.Message(News{Project: p, Version: v, Reset: true})
			case 4:
				b.Routine(p, Key{v, true}, b.BeginRead())
			case 5, 6:
				b.Message(News{Project: p, Version: v})
			default:
				for _, c := range b.Take(nil) {
					if c.Advance != advances(c, last) {
						t.Fatalf("%+v after %+v", c, last)
					}
					last = c.State
				}
			}
		}
	})
}

// An index stays with its project until it is dropped, and only then another one gets it.
func TestBoardIndex(t *testing.T) {
	b := NewBoard()
	var all []Project
	for i := range 3 * recordsAtOnce {
		p := project(t, fmt.Sprint(i))
		all = append(all, p)
		if got := b.Open(p); got != Index(i+1) || b.Open(p) != got {
			t.Fatalf("project %d has index %d", i, got)
		}
		b.Confirm(p, Key{Version(i), true}, 1)
	}
	b.Gap() // an index that is not in use is none of its business
	for i, p := range all {
		if got, ok := b.Index(p); !ok || b.Project(got) != p || b.State(p).Version != Version(i) {
			t.Fatalf("project %d is at %d, %t: %+v", i, got, ok, b.State(p))
		}
	}
	gone := all[7]
	b.Drop(gone)
	b.Drop(gone)
	if i, ok := b.Index(gone); ok || b.Project(8) != (Project{}) {
		t.Errorf("a dropped project has index %d", i)
	}
	fresh := project(t, "fresh")
	if i := b.Open(fresh); i != 8 || b.State(fresh) != (State{}) || b.Len() != len(all) {
		t.Errorf("index %d of %d projects, %+v; want that of the dropped one, and nothing of it", i, b.Len(), b.State(fresh))
	}
	for i, c := range b.Take(nil) { // fresh was never confirmed
		if c.Project == fresh || c.Project == gone {
			t.Errorf("change %d is of %s", i, c.Project)
		}
	}
	if b.Project(0) != (Project{}) || b.Project(Index(len(all)+1)) != (Project{}) {
		t.Error("there is a project where none was opened")
	}
}

// Many changes are taken in parts: nothing is left out, nothing comes twice, and there is a token as long as some are left.
func TestBoardTakesInParts(t *testing.T) {
	const n = 2*takeMost + 500
	b := NewBoard()
	for i := range n {
		p := project(t, fmt.Sprint(i))
		b.Open(p)
		b.Confirm(p, Key{Version(i), true}, 1)
	}
	taken := map[Project]bool{}
	for _, want := range []int{takeMost, takeMost, 500} {
		select {
		case <-b.Changed():
		default:
			t.Fatalf("no token after %d changes", len(taken))
		}
		changes := b.Take(nil)
		if len(changes) != want {
			t.Errorf("%d changes, want %d", len(changes), want)
		}
		for _, c := range changes {
			taken[c.Project] = true
		}
	}
	if len(taken) != n || len(b.Changed()) > 0 {
		t.Errorf("%d of %d projects were taken, and %d tokens are left", len(taken), n, len(b.Changed()))
	}
}

// A flood of messages wakes once, and costs no memory.
func TestBoardFlood(t *testing.T) {
	b, p := NewBoard(), project(t, "42")
	b.Open(p)
	b.Confirm(p, Key{}, 1)
	b.Take(nil)
	buf := make([]Change, 0, 1)
	v := Version(0)
	allocs := testing.AllocsPerRun(100, func() {
		for range 1000 {
			v++
			b.Message(News{Project: p, Version: v})
		}
		buf = b.Take(buf[:0])
	})
	if len(buf) != 1 || buf[0].Version != v {
		t.Fatalf("after a flood: %+v, want version %d", buf, v)
	}
	if allocs > 1 {
		t.Fatalf("1,000 messages made %v allocations", allocs)
	}
}

// News that a routine read found and no message brought is unheard, unless something explains that.
func TestBoardUnheard(t *testing.T) {
	p := project(t, "42")
	for name, test := range map[string]struct {
		do   []func(*Board, Project)
		want bool
	}{
		"read":                       {[]func(*Board, Project){routine(2)}, true},
		"an old message comes":       {[]func(*Board, Project){routine(2), announce(1)}, true},
		"its message comes":          {[]func(*Board, Project){routine(2), announce(2)}, false},
		"a newer message comes":      {[]func(*Board, Project){routine(2), announce(3)}, false},
		"a reset comes":              {[]func(*Board, Project){routine(2), reset(1)}, false},
		"the message was first":      {[]func(*Board, Project){announce(2), routine(2)}, false},
		"read twice":                 {[]func(*Board, Project){routine(2), announce(2), routine(3)}, true},
		"read twice, the first came": {[]func(*Board, Project){routine(2), routine(3), announce(2)}, false},
		"unreadable":                 {[]func(*Board, Project){routine(2), func(b *Board, p Project) { b.Garbled(p) }}, false},
		"unreadable before":          {[]func(*Board, Project){func(b *Board, p Project) { b.Garbled(p) }, routine(2)}, false},
		"unreadable long before": {[]func(*Board, Project){
			func(b *Board, p Project) { b.Garbled(p) }, announce(2), routine(3),
		}, true},
		"a gap":             {[]func(*Board, Project){routine(2), gap}, false},
		"forgotten":         {[]func(*Board, Project){routine(2), func(b *Board, p Project) { b.Clear(p) }}, false},
		"the key goes back": {[]func(*Board, Project){routine(0)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBoard()
			b.Open(p)
			b.Confirm(p, Key{1, true}, 1)
			for _, do := range test.do {
				do(b, p)
			}
			b.Suspect(p)
			if lost := b.Heard(time.Now().Add(time.Second)); len(lost) > 0 != test.want {
				t.Errorf("news of %v is lost, want %v", lost, test.want)
			}
		})
	}
	b := NewBoard()
	for i := range 2000 {
		p := project(t, fmt.Sprint(i))
		b.Open(p)
		b.Confirm(p, Key{1, true}, 1)
		routine(2)(b, p)
	}
	if n := len(b.unheard); n != mostUnheard {
		t.Errorf("%d are kept", n)
	}
}
