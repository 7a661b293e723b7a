package fallback_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/fallback"
)

// A probe of the fleet's story: at now (ms) these are heard, one after the other,
// each written "name streams", with a ! if it is leaving. "us" is this gateway.
// Then these are the changes, and the fleet has so many instances, streams, and
// lost streams. Probes come every 2 s; 5 s of silence are the end.
type probe struct {
	now   int
	heard string
	moves string
	size  string
}

// heard reads who is heard; the node of all is gw, as two may share a name.
func heard(t testing.TB, text string) (all []fallback.Member) {
	for part := range strings.SplitSeq(text, ", ") {
		m := fallback.Member{Node: "gw", Leaving: strings.HasSuffix(part, "!")}
		if _, err := fmt.Sscanf(strings.TrimSuffix(part, "!"), "%s %d", &m.Instance, &m.Streams); err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		all = append(all, m)
	}
	return all
}

func TestFleetStories(t *testing.T) {
	for name, story := range map[string][]probe{
		"alone": {
			{0, "us 7", "", "1 7 0"},
			{60_000, "us 8", "", "1 8 0"},
		},
		"some are there, one comes": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{2_000, "us 101, b 202", "", "2 303 0"},
			{2_500, "c 0", "c joined", "3 303 0"},
			{4_500, "c 50", "", "3 353 0"},
		},
		"heard thrice in a period, as in a Cluster": {
			{0, "us 1, b 2, b 2, us 1, b 2", "b joined", "2 3 0"},
			{10, "b 2", "", "2 3 0"},
		},
		"silent for 5 s while we hear ourselves": {
			{0, "us 100, b 200, c 300", "b joined, c joined", "3 600 0"},
			{2_000, "us 100, c 300", "", "3 600 0"},
			{4_000, "us 100, c 300", "", "3 600 0"},
			{5_000, "us 100", "", "3 600 0"},
			{5_001, "us 100", "b vanished", "2 400 200"},
		},
		"silence proves nothing until we hear ourselves": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{600_000, "c 0", "c joined", "3 300 0"},
			{600_100, "us 100", "", "3 300 0"},
			{605_100, "us 100", "", "3 300 0"},
		},
		"after a break everybody gets the same time again": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{2_000, "us 100", "", "2 300 0"},
			{5_001, "us 100", "", "2 300 0"}, // one of ours is missing
			{7_001, "us 100", "", "2 300 0"},
			{9_001, "us 100", "", "2 300 0"},
			{10_002, "us 100", "b vanished", "1 100 200"},
		},
		"a probe of ours that is merely slow is no break": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{3_000, "us 100", "", "2 300 0"},
			{5_001, "us 100", "b vanished", "1 100 200"},
		},
		"who was never heard beside us is judged from our first probe": {
			{0, "b 200", "b joined", "2 200 0"},
			{60_000, "us 0", "", "2 200 0"},
			{62_000, "us 0", "", "2 200 0"},
			{64_000, "us 0", "", "2 200 0"},
			{65_001, "us 0", "b vanished", "1 0 200"},
		},
		"heard again under its own instance": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{3_000, "us 100", "", "2 300 0"},
			{6_000, "us 100", "b vanished", "1 100 200"},
			{7_000, "b 190", "b returned", "2 290 0"},
			{9_000, "us 100, b 190", "", "2 290 0"},
		},
		"its streams come back elsewhere, by and by": {
			{0, "us 100, b 200, c 300", "b joined, c joined", "3 600 0"},
			{3_000, "us 100, c 300", "", "3 600 0"},
			{6_000, "us 100, c 300", "b vanished", "2 400 200"},
			{8_000, "us 130, c 350", "", "2 480 120"},
			{8_500, "c 300", "", "2 430 120"}, // some leave
			{8_600, "c 350", "", "2 480 120"}, // and as many come: not those
			{9_000, "us 300", "", "2 650 0"},
		},
		"its streams come back before its end is known": {
			{0, "us 100, b 200, c 300", "b joined, c joined", "3 600 0"},
			{3_000, "us 200, c 350", "", "3 750 0"},
			{6_000, "us 200, c 350", "b vanished", "2 550 50"},
			{8_000, "c 400", "", "2 600 0"},
		},
		"what came before its end is not its own come back": {
			{0, "us 0, b 100", "b joined", "2 100 0"},
			{2_000, "us 500, b 100", "", "2 600 0"},
			{5_000, "us 500", "", "2 600 0"},
			{8_000, "us 500", "b vanished", "1 500 100"},
		},
		"its restart has a new instance": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{3_000, "us 100, b 200", "", "2 300 0"},
			{6_000, "us 100, d 150", "d joined", "3 450 0"},
			{9_000, "us 100, d 150", "b vanished", "2 250 50"},
			{11_000, "d 200", "", "2 300 0"},
		},
		"one new stream never stands for two lost ones": {
			{0, "us 0, b 100, c 100, d 100", "b joined, c joined, d joined", "4 300 0"},
			{3_000, "us 0, d 100", "", "4 300 0"},
			{6_000, "us 0, d 100", "b vanished, c vanished", "2 100 200"},
			{8_000, "d 250", "", "2 250 50"},
			{9_000, "us 0, d 300", "", "2 300 0"},
		},
		"the oldest loss is paid first": {
			{0, "us 0, b 100, c 100", "b joined, c joined", "3 200 0"},
			{2_000, "us 0, c 100", "", "3 200 0"},
			{5_001, "us 0", "", "3 200 0"}, // a break
			{8_000, "us 0", "", "3 200 0"},
			{10_002, "us 120", "b vanished, c vanished", "1 120 80"},
			{600_000, "us 120", "", "1 120 80"},
			{602_000, "us 120", "", "1 120 0"}, // what is left is of c, and ends with it
		},
		"who was there before we listened is no growth": {
			{0, "us 0, b 100", "b joined", "2 100 0"},
			{1_000, "c 100", "c joined", "3 200 0"},
			{3_000, "us 0, c 100", "", "3 200 0"},
			{6_000, "us 0, c 100", "b vanished", "2 100 100"},
		},
		"one who returns is no growth for another": {
			{0, "us 0, b 100, c 100", "b joined, c joined", "3 200 0"},
			{3_000, "us 0", "", "3 200 0"},
			{6_000, "us 0", "b vanished, c vanished", "1 0 200"},
			{7_000, "b 100", "b returned", "2 100 100"},
		},
		"lost for 10 minutes at most": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{3_000, "us 100", "", "2 300 0"},
			{6_000, "us 100", "b vanished", "1 100 200"},
			{599_999, "", "", "1 100 200"},
			{600_000, "", "", "1 100 0"},
			{601_000, "us 100, b 200", "b joined", "2 300 0"},
		},
		"who says goodbye loses nothing": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{2_000, "us 100, b 200!", "b parting", "2 300 0"},
			{4_000, "us 200, b 100!", "", "2 300 0"},
			{7_000, "us 200", "", "2 300 0"},
			{10_000, "us 300", "b left", "1 300 0"},
		},
		"a goodbye is not taken back by an older probe": {
			{0, "us 100, b 200", "b joined", "2 300 0"},
			{2_000, "us 100, b 200!, b 200", "b parting", "2 300 0"},
			{5_000, "us 100", "", "2 300 0"},
			{8_000, "us 100", "b left", "1 100 0"},
		},
		"heard for the first time while leaving": {
			{0, "us 100, b 200!", "b joined, b parting", "2 300 0"},
		},
		"streams of one that left do not stand for lost ones": {
			{0, "us 0, b 100, c 100", "b joined, c joined", "3 200 0"},
			{3_000, "us 0, c 100!", "c parting", "3 200 0"},
			{6_000, "us 0", "b vanished", "2 100 100"},
			{9_000, "us 0", "c left", "1 0 100"},
			{11_000, "us 100", "", "1 100 100"}, // those of c
			{13_000, "us 200", "", "1 200 0"},
		},
		"nonsense is bounded": {
			{0, "us 0, b -5", "b joined", "2 0 0"},
			{100, "b 9223372036854775807", "", "2 2000000 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fallback.NewFleet("us", 2*time.Second)
			own := fallback.Member{Instance: "us", Node: "gw"}
			for _, p := range story {
				var moves []string
				if p.heard != "" {
					for _, m := range heard(t, p.heard) {
						if m.Instance == "us" {
							own = m
						}
						for _, c := range f.Hear(m, at(ms(p.now))) {
							moves = append(moves, c.Instance+" "+string(c.Move))
						}
					}
				}
				s := f.Size(own, at(ms(p.now)))
				size := fmt.Sprint(s.Instances, s.Streams, s.Lost)
				if got := strings.Join(moves, ", "); got != p.moves || size != p.size {
					t.Errorf("after %d ms: %q, %s; want %q, %s", p.now, got, size, p.moves, p.size)
				}
			}
		})
	}
}

func TestFleetView(t *testing.T) {
	f := fallback.NewFleet("us", 2*time.Second)
	own := fallback.Member{Instance: "us", Node: "gw-2", Nudge: "1.0", Streams: 5, Push: fallback.Healthy}
	alone := fallback.View{
		Size:    fallback.Size{Instances: 1, Streams: 5, Own: 5, Browsers: 5, OwnBrowsers: 5},
		Members: []fallback.Sighting{{Member: own, Heard: at(0)}},
	}
	if d := cmp.Diff(alone, f.View(own, at(0))); d != "" {
		t.Errorf("before the first probe: %s", d)
	}
	twin := fallback.Member{Instance: "0", Node: "gw-2", Nudge: "1.1", Streams: 7, Push: fallback.Degraded}
	first := fallback.Member{Instance: "z", Node: "gw-1", Streams: 11}
	gone, last := fallback.Member{Instance: "y", Node: "gw-0", Streams: 30}, fallback.Member{Instance: "x", Node: "gw-3", Streams: 40}
	for i, m := range []fallback.Member{last, gone, twin, first} {
		f.Hear(m, at(ms(i)))
	}
	f.Hear(own, at(ms(10)))
	f.Hear(own, at(ms(3_000)))
	for _, m := range []fallback.Member{twin, first} {
		f.Hear(m, at(ms(3_000)))
	}
	changes := f.Hear(own, at(ms(6_000)))
	own.Streams = 6 // it says so to us before its probe does to all
	want := fallback.View{
		Size: fallback.Size{Instances: 3, Streams: 24, Own: 6, Browsers: 24, OwnBrowsers: 6, Lost: 70},
		Members: []fallback.Sighting{
			{Member: first, Heard: at(ms(3_000))}, {Member: twin, Heard: at(ms(3_000))}, {Member: own, Heard: at(ms(6_100))},
		},
		Vanished: []fallback.Sighting{{Member: last, Heard: at(0), Lost: 40}, {Member: gone, Heard: at(ms(1)), Lost: 30}},
	}
	for range 10 { // the order is no accident
		if d := cmp.Diff(want, f.View(own, at(ms(6_100)))); d != "" {
			t.Fatal(d)
		}
	}
	told := []fallback.Change{{Sighting: want.Vanished[0], Move: fallback.Vanished}, {Sighting: want.Vanished[1], Move: fallback.Vanished}}
	if d := cmp.Diff(told, changes); d != "" {
		t.Error(d)
	}
}

// Whoever may publish can invent gateways. They cost a bounded memory, and those that are real stay.
func TestFleetIsBounded(t *testing.T) {
	f := fallback.NewFleet("us", 2*time.Second)
	own := fallback.Member{Instance: "us"}
	real := fallback.Member{Instance: "real", Streams: 10}
	f.Hear(real, at(0))
	for second := range 20 {
		now := at(time.Duration(second) * time.Second)
		f.Hear(own, now)
		f.Hear(real, now)
		for i := range 1_500 {
			f.Hear(fallback.Member{Instance: fmt.Sprint("no ", second, i), Streams: 1 << 40}, now)
		}
		v := f.View(own, now)
		if len(v.Members) > 1000 || len(v.Vanished) > 1000 || v.Instances != len(v.Members) {
			t.Fatalf("after %d s: %d members, %d vanished, %d instances", second, len(v.Members), len(v.Vanished), v.Instances)
		}
		if v.Streams > 1<<31-1 || v.Lost > 1<<31-1 {
			t.Fatalf("after %d s: %d streams, %d lost", second, v.Streams, v.Lost)
		}
	}
	if changes := f.Hear(real, at(20*time.Second)); changes != nil {
		t.Errorf("the real one %v", changes)
	}
}

func TestWatchers(t *testing.T) {
	for _, tt := range []struct {
		size      fallback.Size
		own, want int
	}{
		{fallback.Size{Instances: 1, Browsers: 100, OwnBrowsers: 100}, 40, 40},
		{fallback.Size{Instances: 2, Browsers: 200, OwnBrowsers: 100}, 40, 80},
		{fallback.Size{Instances: 3, Browsers: 1000, OwnBrowsers: 300}, 1, 4}, // 3.33: rather too many
		{fallback.Size{Instances: 3, Browsers: 300, OwnBrowsers: 100}, 0, 0},
		{fallback.Size{Instances: 3, Browsers: 300}, 4, 12}, // no streams of our own: held polls of old, say
		{fallback.Size{Instances: 3}, 4, 12},
		{fallback.Size{}, 4, 4},
		{fallback.Size{Instances: 2, Browsers: 50, OwnBrowsers: 100}, 40, 40},
		{fallback.Size{Instances: 1000, Browsers: 2_000_000_000, OwnBrowsers: 1}, 1, 2_000_000_000},
		{fallback.Size{Instances: 2, Browsers: 200, OwnBrowsers: 100, Lost: 900}, 40, 80}, // lost ones hear no news
	} {
		if got := tt.size.Watchers(tt.own); got != tt.want {
			t.Errorf("%+v, %d of our own: %d, want %d", tt.size, tt.own, got, tt.want)
		}
	}
}

func TestFleetIsSafe(t *testing.T) {
	f := fallback.NewFleet("0", 100*time.Millisecond)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			m := fallback.Member{Instance: fmt.Sprint(i % 3), Streams: i}
			for n := range 200 {
				f.Hear(m, at(ms(n*30)))
				f.Size(m, at(ms(n*30)))
				f.View(m, at(ms(n*30)))
			}
		})
	}
	group.Wait()
}

func TestFleetLoad(t *testing.T) {
	f := fallback.NewFleet("self", 2*time.Second)
	own := fallback.Member{Instance: "self", Streams: 10, Polling: 1, Push: fallback.Healthy}
	for _, m := range []fallback.Member{
		own,
		{Instance: "a", Streams: 100, Polling: 7, Step: 3, Push: fallback.Healthy},
		{Instance: "b", Streams: 20, Polling: -5, Step: -1, Push: fallback.Degraded},
		{Instance: "c", Streams: 3, Step: 2, Push: fallback.Down},
		{Instance: "d", Streams: 1000, Push: fallback.Off},
	} {
		f.Hear(m, epoch)
	}
	for push, want := range map[fallback.Push]fallback.Load{
		fallback.Healthy:  {Streams: [3]int{3, 20, 1110}, Polling: 8},
		fallback.Degraded: {Streams: [3]int{3, 1130, 0}, Polling: 8},
		fallback.Down:     {Streams: [3]int{1133, 0, 0}, Polling: 8},
		fallback.Off:      {Streams: [3]int{3, 20, 1110}, Polling: 8},
	} {
		own.Push = push
		if got := f.Load(own, epoch); got != want {
			t.Errorf("%v: %+v, want %+v", push, got, want)
		}
	}
	if s := f.Size(own, epoch); s.Step != 3 || s.Leaving {
		t.Errorf("step %d, leaving %v", s.Step, s.Leaving)
	}
	f.Hear(fallback.Member{Instance: "b", Leaving: true}, epoch)
	if !f.Size(own, epoch).Leaving {
		t.Error("nobody is leaving")
	}
	own.Push = fallback.Healthy
	for i := range 5 { // only b and d are heard again
		now := at(time.Duration(2*i+2) * time.Second)
		f.Hear(own, now)
		f.Hear(fallback.Member{Instance: "b", Streams: 20, Push: fallback.Healthy}, now)
		f.Hear(fallback.Member{Instance: "d", Streams: 1000, Push: fallback.Healthy}, now)
	}
	if got, want := f.Load(own, at(10*time.Second)), (fallback.Load{Streams: [3]int{0, 0, 1030}, Lost: 103, Polling: 1}); got != want {
		t.Errorf("two have vanished: %+v, want %+v", got, want)
	}
}

// Streams that a caller has beyond what one counts as are in no estimate.
func TestFleetExtra(t *testing.T) {
	f := fallback.NewFleet("self", 2*time.Second)
	own := fallback.Member{Instance: "self", Streams: 100, Extra: 60, Uncovered: 3, Push: fallback.Healthy}
	other := fallback.Member{Instance: "b", Streams: 500, Extra: 420, Uncovered: 90, Push: fallback.Healthy}
	f.Hear(own, epoch)
	f.Hear(other, epoch)
	f.Hear(fallback.Member{Instance: "liar", Streams: 5, Extra: 1000}, epoch)
	if got := f.Load(own, epoch); got.Open() != 120 || got.Streams[fallback.Down] != 83 {
		t.Errorf("%+v", got)
	}
	size := f.Size(own, epoch)
	if size.Streams != 605 || size.Browsers != 120 || size.Watchers(10) != 30 {
		t.Errorf("%+v, and %d watchers for 10", size, size.Watchers(10))
	}
	for i := range 5 { // b vanishes, and one user opens many streams here
		own.Streams, own.Extra = own.Streams+200, own.Extra+200
		f.Hear(own, at(time.Duration(2*i+2)*time.Second))
	}
	if got := f.Size(own, at(10*time.Second)).Lost; got != 80 {
		t.Errorf("%d count as lost, want 80", got)
	}
}
