package loop

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway/stream"
)

// Of the streams of one owner as many count as may, and if one ends, another one does within a heartbeat.
func TestExtraStreams(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		r.most = 2
		var watchers []int
		r.spread = func(own int) time.Duration {
			watchers = append(watchers, own)
			return 0
		}
		next := 0
		is := func(when string, own, count, uncovered int) {
			t.Helper()
			next++
			watchers = nil
			r.publish(fmt.Sprint("42@", next))
			r.pass(0)
			r.mu.Lock()
			defer r.mu.Unlock()
			counting := 0
			for _, n := range r.counting {
				counting += n
			}
			if len(watchers) != 1 || watchers[0] != own || counting != count || r.uncovered != uncovered {
				t.Errorf("%s: %v watch, %d count, %d are uncovered; want %d, %d, %d", when, watchers, counting, r.uncovered, own, count, uncovered)
			}
		}
		mallory, ann := stream.Owner{1}, stream.Owner{2}
		var hers []*browser
		for range 5 {
			b := &browser{r: r, room: -1}
			r.give(Arrival{State: stream.NewState(mallory, time.Time{}), Judged: r.rules, Projects: []stream.Subscription{
				{Project: r.project("42")}, {Project: r.project("7"), Access: stream.Denied},
			}}, b)
			hers = append(hers, b)
		}
		is("five of one", 3, 2, 2) // one of the extra ones counts for each project
		r.openAs(stream.NewState(ann, time.Time{}), "42")
		is("and one of another", 4, 3, 2)
		hers[0].leave()
		r.pass(0)
		is("one leaves", 3, 2, 1)
		r.pass(heartbeat + time.Second)
		is("after a heartbeat", 4, 3, 2)
		hers[1].leave()
		hers[4].leave()
		r.pass(heartbeat + time.Second)
		is("two more leave", 3, 3, 2)
		hers[2].leave()
		hers[3].leave()
		r.pass(0)
		is("all of hers left", 1, 1, 0)
		if n := r.counting[mallory]; n != 0 {
			t.Errorf("%d are counted for ever", n)
		}
	})
}

// A page with more projects than its caller's streams that count can name is a watcher of each all the same.
func TestExtraStreamsOfManyProjects(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		r.most = 2
		var watchers []int
		r.spread = func(own int) time.Duration {
			watchers = append(watchers, own)
			return 0
		}
		for range 3 {
			for n := range 5 {
				r.openAs(stream.NewState(stream.Owner{9}, time.Time{}), fmt.Sprint("p", n))
			}
		}
		r.publish("p0@1", "p1@1", "p2@1", "p3@1", "p4@1")
		if d := cmp.Diff([]int{2, 2, 1, 1, 1}, watchers); d != "" {
			t.Error(d)
		}
	})
}
