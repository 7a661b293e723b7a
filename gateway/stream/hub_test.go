package stream

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"nudge/version"
)

func TestHubDelivers(t *testing.T) {
	inHub(t, 100, func(t *testing.T, r *hubRig) {
		a := mustProject(t, "a")
		one, two, other := r.watch("a", 3), r.watch("a", 4), r.watch("b", 1)
		for _, l := range []*listener{one, two} {
			if l.heard(); r.opt.Board.State(a).Known {
				t.Error("known")
			}
		}
		r.publish(version.News{Project: a, Version: 5})
		if one.heard() != "5/7s" || two.heard() != "5/7s" || other.heard() != "0/0s" { // b was confirmed
			t.Error("the spread is that of all watchers")
		}
		if s := r.opt.Board.State(a); s.Version != 5 || !s.Listening {
			t.Errorf("%+v", s)
		}
		three := r.watch("a", 1)
		one.detach()
		r.publish(version.News{Project: a, Version: 6})
		if one.heard() != "" || two.heard() != "6/5s" || three.heard() != "6/5s" {
			t.Error("a watcher that is gone hears or counts")
		}
		two.detach()
		three.detach()
		r.publish(version.News{Project: a, Version: 7}) // nobody is there
		one.attach()
		r.publish(version.News{Project: a, Version: 2, Reset: true})
		if got := one.heard(); got != "2/3s" || two.heard() != "" {
			t.Error(got)
		}
	})
}

// A confirmation asks nobody to poll, so it has no spread.
func TestOnlyAdvancesAreSpread(t *testing.T) {
	inHub(t, 100, func(t *testing.T, r *hubRig) {
		a := mustProject(t, "a")
		l := r.watch("a", 9)
		r.publish(version.News{Project: a, Version: 5})
		l.heard()
		r.opt.Board.Gap()
		r.opt.Board.Confirm(a, version.Key{Version: 5, Known: true}, 1)
		synctest.Wait()
		if got := l.heard(); got != "5/0s" {
			t.Errorf("confirmed: %q", got)
		}
		r.opt.Board.Gap()
		r.opt.Board.Confirm(a, version.Key{Version: 5, Known: true}, 2)
		synctest.Wait()
		if got := l.heard(); got != "0/0s" {
			t.Errorf("forgotten: %q", got)
		}
	})
}

// The index of a project that was dropped may be another's when its last change is delivered.
func TestChangeOfDroppedProject(t *testing.T) {
	inHub(t, 100, func(t *testing.T, r *hubRig) {
		old := version.Change{Project: mustProject(t, "a"), Index: r.Open(mustProject(t, "a"))}
		r.Close(old.Index)
		l := r.watch("b", 1)
		if l.heard(); l.index != old.Index {
			t.Fatalf("%d is not used again", old.Index)
		}
		r.Deliver([]version.Change{old})
		if got := l.heard(); got != "" {
			t.Errorf("heard %s of another project", got)
		}
	})
}

// A project that is named but not watched, since nobody may see it, stays on the board, and costs the source nothing.
func TestNamedOnly(t *testing.T) {
	inHub(t, 100, func(t *testing.T, r *hubRig) {
		i := r.Open(mustProject(t, "a"))
		l := r.watch("a", 2)
		r.wantAsked("+a")
		l.detach()
		r.Open(mustProject(t, "a"))
		time.Sleep(2 * time.Minute)
		r.wantAsked("-a")
		if p, s := r.At(i); p != l.project || s.Listening {
			t.Errorf("%s, %+v", p, s)
		}
		l.attach()
		r.wantAsked("+a")
		l.detach()
		time.Sleep(2 * time.Minute)
		r.wantAsked("-a")
		for range 2 {
			if r.Projects() != 1 {
				t.Errorf("%d projects", r.Projects())
			}
			r.Close(i)
		}
		if r.Projects() != 0 {
			t.Errorf("%d projects are left", r.Projects())
		}
		r.wantAsked("")
	})
}

// A project is forgotten when its time is over, not at the look after that.
func TestHubForgetsInTime(t *testing.T) {
	inHub(t, 100, func(t *testing.T, r *hubRig) {
		r.watch("a", 1).detach()
		time.Sleep(time.Minute - time.Millisecond)
		r.wantAsked("+a")
		time.Sleep(time.Millisecond)
		r.wantAsked("-a")
	})
}

// A project that nobody uses lingers, and is forgotten after its time.
func TestHubForgets(t *testing.T) {
	inHub(t, 100, func(t *testing.T, r *hubRig) {
		a, b := r.watch("a", 1), r.watch("b", 1)
		r.wantAsked("+a +b")
		a.detach()
		time.Sleep(30 * time.Second)
		a.attach() // used again: the source knows it still
		b.detach()
		time.Sleep(55 * time.Second)
		r.wantAsked("")
		time.Sleep(20 * time.Second)
		r.wantAsked("-b")
		a.detach()
		if r.Projects() != 1 {
			t.Error(r.Projects())
		}
		r.linger.Store(0)
		time.Sleep(11 * time.Second)
		r.wantAsked("-a")
		if r.Projects() != 0 {
			t.Error(r.Projects())
		}
	})
}

// Projects beyond the limit wait for their turn. One that lingers makes room, the one that was used longest ago first.
func TestHubHasRoomForSoMany(t *testing.T) {
	inHub(t, 2, func(t *testing.T, r *hubRig) {
		a, b, c := r.watch("a", 1), r.watch("b", 1), r.watch("c", 1)
		d, e := r.watch("d", 1), r.watch("e", 1)
		r.wantAsked("+a +b")
		if r.opt.Board.State(mustProject(t, "c")).Listening || r.Projects() != 5 {
			t.Error("c is listened for")
		}
		d.detach() // gives up
		a.detach()
		r.wantAsked("-a +c")
		c.detach()
		r.wantAsked("-c +e")
		b.detach()
		e.detach()
		r.wantAsked("") // nobody waits, so they linger
		again := r.watch("b", 1)
		again.detach() // now e was used longest ago
		f := r.watch("f", 1)
		r.wantAsked("-e +f")
		r.watch("g", 1)
		r.wantAsked("-b +g")
		more := r.watch("f", 1)
		f.detach()
		h := r.watch("h", 1)
		r.wantAsked("") // f has a watcher left
		more.detach()
		r.wantAsked("-f +h")
		h.detach()
	})
}

func TestHubFollowsItsLimit(t *testing.T) {
	inHub(t, 1, func(t *testing.T, r *hubRig) {
		var all []*listener
		for _, id := range []string{"a", "b", "c", "d"} {
			all = append(all, r.watch(id, 1))
		}
		r.wantAsked("+a")
		r.projects.Store(2)
		r.Fill()
		r.wantAsked("+b")
		r.projects.Store(3)
		time.Sleep(11 * time.Second) // it finds out by itself too
		r.wantAsked("+c")
		r.projects.Store(1) // what is in use stays, and nothing more comes
		r.Fill()
		all[0].detach()
		r.wantAsked("-a")
		all[1].detach()
		r.wantAsked("-b")
		all[2].detach()
		r.wantAsked("-c +d")
	})
}

// Whoever asks while there is no room costs the same however many wait: before, each looked at all of them. It takes a
// minute where that is so.
func TestWaitingIsCheap(t *testing.T) {
	inHub(t, 1, func(t *testing.T, r *hubRig) {
		loop := r.watch("first", 1).number
		many := make([]version.Index, 100_000)
		for i := range many {
			many[i] = r.Open(mustProject(t, fmt.Sprint(i)))
			r.Watch(many[i], loop, true)
		}
		for i := range many { // from the middle of the queue too
			index := many[i*7919%len(many)]
			r.Unwatch(index, loop, true)
			r.Close(index)
		}
		if r.Projects() != 1 {
			t.Error(r.Projects())
		}
		r.wantAsked("+first")
	})
}

// Whatever comes and goes: the source listens for as many as it may if so many are wanted, and whoever asked first is first.
func TestHubLimitInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newHubRig(rt, rapid.Int64Range(1, 4).Draw(rt, "limit"))
		defer r.stop()
		watchers := map[string]*listener{}
		var queue []string // waiting, oldest first
		listening := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			id := string('a' + rune(rapid.IntRange(0, 9).Draw(rt, "project")))
			if l := watchers[id]; l != nil {
				l.detach()
				delete(watchers, id)
				queue = slices.DeleteFunc(queue, func(q string) bool { return q == id })
			} else {
				watchers[id] = r.listener(id, 1)
				if !listening[id] {
					queue = append(queue, id)
				}
			}
			for _, asked := range r.source.take() {
				id := asked[1:]
				switch {
				case asked[0] == '-' && (watchers[id] != nil || !listening[id]):
					rt.Fatalf("%s is forgotten, but used", id)
				case asked[0] == '-':
					delete(listening, id)
				case len(queue) == 0 || queue[0] != id:
					rt.Fatalf("%s is listened for, but %q wait", id, queue)
				default:
					queue = queue[1:]
					listening[id] = true
				}
			}
			idle := 0
			for id := range listening {
				if watchers[id] == nil {
					idle++
				}
			}
			if most := int(r.projects.Load()); len(listening) > most || len(queue) > 0 && (len(listening) < most || idle > 0) {
				rt.Fatalf("%d are listened for, %d of them in vain, and %q wait", len(listening), idle, queue)
			}
			if want := len(listening) + len(queue); r.Projects() != want {
				rt.Fatalf("%d projects, want %d", r.Projects(), want)
			}
		}
	})
}

// The projects with most watchers are found among those of all chunks.
func TestMostWatched(t *testing.T) {
	inHub(t, 10_000, func(t *testing.T, r *hubRig) {
		if got := r.MostWatched(3); len(got) != 0 {
			t.Error(got)
		}
		for i := range 3 * topicsAtOnce {
			r.watch(fmt.Sprint("p", i), 1+i%200)
		}
		gone := r.watch("crowd", 5000)
		r.watch("office", 900)
		r.watch("room", 300)
		gone.detach()
		got := ""
		for _, w := range r.MostWatched(4) {
			got += fmt.Sprint(w.Project, " ", w.N, " ")
		}
		if got != "office 900 room 300 p199 200 p399 200 " {
			t.Error(got)
		}
		if all := r.MostWatched(10_000); len(all) != 3*topicsAtOnce+2 {
			t.Errorf("%d projects", len(all))
		}
	})
}

// Advances of watched projects are counted exactly, and forgotten after an hour at most, or when nobody uses the project.
func TestMostAdvanced(t *testing.T) {
	inHub(t, 10_000, func(t *testing.T, r *hubRig) {
		begun, numbers := time.Now(), map[string]int{}
		publish := func(id string) {
			numbers[id]++
			r.publish(version.News{Project: mustProject(t, id), Version: version.Version(numbers[id])})
		}
		want := func(want string) {
			t.Helper()
			list, since := r.MostAdvanced(2)
			if got := fmt.Sprint(list, since.Sub(begun)); got != want || list == nil {
				t.Errorf("%s, want %s", got, want)
			}
		}
		want("[] 0s")
		a, b := r.watch("a", 3), r.watch("b", 1)
		for i := range 3 * topicsAtOnce {
			r.watch(fmt.Sprint("p", i), 1)
			publish(fmt.Sprint("p", i))
		}
		for i := range 10 {
			publish("unwatched")
			publish("a")
			if i < 3 {
				publish("b")
			}
		}
		time.Sleep(31 * time.Minute)
		publish("a")
		want("[{a 11} {b 3}] 0s")
		time.Sleep(30 * time.Minute)
		want("[{a 1}] 30m0s")
		publish("b")
		b.detach()
		want("[{a 1} {b 1}] 30m0s")
		time.Sleep(2 * time.Minute) // b no longer lingers
		want("[{a 1}] 30m0s")
		time.Sleep(30 * time.Minute)
		want("[] 1h0m0s")
		a.detach()
	})
}
