package loop

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

func TestLifeOfAStream(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		r.publish("42@5")
		b := r.open("42", "7")
		b.want("hello 42@5 unknown:7")
		r.pass(stream.SecondEvent)
		b.want("heartbeat")
		r.publish("42@6")
		r.publish("7@1")
		b.want("42@6", "7@1")
		r.publish("42@4")
		b.want()
		r.pass(heartbeat)
		b.want("heartbeat")
		b.leave()
		if !b.ended() || r.ended[stream.Gone] != 1 || r.hub.Projects() != 2 {
			t.Errorf("%v, %d projects", r.ended, r.hub.Projects())
		}
	})
}

// A reader that is behind has one event waiting at most, and then gets the newest of everything.
func TestSlowReaders(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := r.open("42", "7")
		b.want("hello unknown:42 unknown:7")
		b.stall(10)
		r.publish("42@1")
		for v := range 50 {
			r.publish(fmt.Sprintf("42@%d", v+2), fmt.Sprintf("7@%d", v+1))
		}
		b.want()
		b.read()
		b.want("42@1", "hello 42@51 7@50")
		r.publish("42@52")
		b.want("42@52")

		b.stall(0) // takes nothing at all: nothing of the event need follow
		r.publish("42@53")
		r.publish("42@54")
		b.read()
		b.want("hello 42@54 7@50")

		b.stall(5)
		r.publish("42@55") // nothing else is missed, so no hello follows
		b.read()
		b.want("42@55")
	})
}

// What is left of a frame is not copied for each slow reader.
func TestSlowReadersShareFrames(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		var all []*browser
		for range 10 {
			b := r.open("42")
			b.take()
			b.stall(20)
			all = append(all, b)
		}
		r.publish("42@1")
		shared := map[*byte]int{}
		done := make(chan struct{})
		r.Post(func(time.Time) {
			for _, rest := range r.rest {
				shared[&rest.first[0]]++
			}
			close(done)
		})
		<-done
		if len(shared) != 1 {
			t.Fatalf("%d copies for 10 readers", len(shared))
		}
		r.Dismiss(stream.Goodbye{Reason: stream.Drain}, 0)
		synctest.Wait()
		for _, b := range all {
			b.read()
			b.want("42@1", "goodbye drain")
		}
		if r.ended[stream.Drain] != 10 {
			t.Error(r.ended)
		}
	})
}

// The last stream may end within a sweep: of a write error, for instance. Other streams come afterwards.
func TestLastStreamDiesInASweep(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		for range 3 {
			var all []*browser
			for range 3 {
				b := r.open("42")
				b.take()
				all = append(all, b)
			}
			r.pass(stream.SecondEvent)
			for _, b := range all {
				b.take()
				b.breakLine()
			}
			r.CadenceChanged() // a sweep that visits all at once
			synctest.Wait()
			for _, b := range all {
				if !b.ended() {
					t.Fatal("a stream on a broken line lives")
				}
			}
		}
		b := r.open("42")
		b.want("hello unknown:42")
		r.CadenceChanged()
		b.want("heartbeat")
	})
}

func TestHeartbeatsAreSpread(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		var all []*browser
		for range 50 {
			all = append(all, r.open("42"))
		}
		r.pass(heartbeat + stream.SecondEvent)
		for _, b := range all {
			b.take()
		}
		for range 3 { // heartbeats of one period: one for each, never all at once
			counts, most := map[*browser]int{}, 0
			for range 26 {
				r.pass(heartbeat / 25)
				n := 0
				for _, b := range all {
					got := len(b.take())
					counts[b] += got
					n += got
				}
				most = max(most, n)
			}
			for _, b := range all {
				if counts[b] < 1 || counts[b] > 2 {
					t.Fatalf("%d heartbeats in a period", counts[b])
				}
			}
			if most > 5 {
				t.Fatalf("%d heartbeats of 50 in a 25th of the period", most)
			}
		}
	})
}

// The flag may change after a stream was judged and before its loop has it.
func TestFlagChangesWhileAStreamArrives(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		old := r.rules
		r.rules = &stream.Rules{
			Allows:  func(stream.Owner, version.Project) bool { return false },
			Revoked: old.Revoked,
		}
		a := r.rules
		r.rules = old
		b := &browser{r: r, room: -1}
		r.rules = a
		r.give(Arrival{Judged: old, Projects: []stream.Subscription{{Project: r.project("42")}}}, b)
		b.want("goodbye off")
	})
}

// The first hello waits until the source listens for all projects that are served, and no longer.
func TestFirstHelloWaits(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		keep := r.open("42", "7")
		r.board.Gap()
		one, two := r.open("42", "7"), r.open("42", "7")
		r.board.Confirm(r.project("42"), version.Key{}, 1)
		one.want()
		r.board.Confirm(r.project("7"), version.Key{}, 1)
		for _, b := range []*browser{one, two} {
			b.want("hello unknown:42 unknown:7")
		}
		keep.take()

		r.board.Gap()
		three := r.open("42", "7")
		r.board.Confirm(r.project("42"), version.Key{}, 1)
		rules := *r.rules
		rules.Allows = func(_ stream.Owner, p version.Project) bool { return p.String() == "42" }
		r.rules = &rules
		r.FlagChanged(0) // the project that it waits for is off
		three.want("hello unknown:42 off:7")

		r.board.Gap()
		four := r.open("42")
		r.pass(stream.HelloMost - time.Millisecond)
		four.want()
		r.pass(time.Millisecond)
		four.want("hello waiting:42")
		r.board.Confirm(r.project("42"), version.Key{}, 1)
		four.want("hello unknown:42")
	})
}

// A change that was offered before a project was switched off is not sent afterwards.
func TestOfferedBeforeItWasOff(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := r.open("42", "7")
		b.take()
		stop := make(chan struct{})
		r.Post(func(time.Time) { <-stop })
		synctest.Wait()
		r.publish("42@9")
		rules := *r.rules
		rules.Allows = func(_ stream.Owner, p version.Project) bool { return p.String() == "7" }
		r.rules = &rules
		r.FlagChanged(0)
		close(stop)
		got := b.take()
		if last := got[len(got)-1]; last != "hello unknown:7 off:42" {
			t.Fatalf("%q", got)
		}
		r.publish("42@10")
		b.want()
		if r.uncovered != 1 {
			t.Errorf("%d uncovered", r.uncovered)
		}
		rules.Allows = func(stream.Owner, version.Project) bool { return true }
		r.rules = &rules
		r.FlagChanged(0)
		b.want("hello 42@10 unknown:7")
		if r.uncovered != 0 {
			t.Errorf("%d uncovered", r.uncovered)
		}
	})
}

// A revocation reaches everybody at once, and does not carry a change of the flag with it that is still on its way.
func TestRevocationDuringARamp(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		one := r.openAs(stream.NewState(stream.Owner{1}, time.Time{}), "42")
		two := r.openAs(stream.NewState(stream.Owner{2}, time.Time{}), "42", "7")
		three := r.openAs(stream.NewState(stream.Owner{3}, time.Time{}), "42")
		for _, b := range []*browser{one, two, three} {
			b.take()
		}
		r.rules = &stream.Rules{
			Allows: func(stream.Owner, version.Project) bool { return false },
			Revoked: func(o stream.Owner, p version.Project) bool {
				return o[0] == 1 && p == version.Project{} || o[0] == 2 && p.String() == "7"
			},
		}
		r.FlagChanged(10 * time.Minute)
		r.TokensRevoked()
		one.want("goodbye revoked")
		two.want("hello unknown:42 denied:7")
		three.want()
		r.pass(10*time.Minute + tick)
		for _, b := range []*browser{two, three} {
			if got := b.take(); got[len(got)-1] != "goodbye off" {
				t.Errorf("%q", got)
			}
		}
	})
}

func TestEndsOfTokens(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		s := stream.NewState(stream.Owner{}, time.Now().Add(100*time.Second))
		s.EndAt(time.Now().Add(90*time.Second), stream.Expired)
		b := r.openAs(s, "42")
		r.pass(89 * time.Second)
		if got := b.take(); got[len(got)-1] != "heartbeat" {
			t.Fatalf("%q", got)
		}
		r.pass(time.Second)
		b.want("goodbye expired")
		if b.ended() {
			t.Error("closed before the browser could read the goodbye")
		}
		r.pass(lingerMost)
		if !b.ended() || r.ended[stream.Expired] != 1 {
			t.Error("not closed at last")
		}
	})
}

// A browser that leaves after its goodbye does not change why the stream ended: the log of requests says it.
func TestLeavesAfterGoodbye(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := r.open("42")
		r.Dismiss(stream.Goodbye{Reason: stream.Drain}, 0)
		b.take()
		b.leave()
		if !b.ended() || b.why != stream.Drain || r.ended[stream.Drain] != 1 {
			t.Errorf("closed because it is %s, ended %v", b.why, r.ended)
		}
	})
}

// A browser that sends more than its request comes back with it on another connection.
func TestMoreThanARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true)
		b := r.open("42")
		b.take()
		b.tell(Event{Sent: true})
		b.want("goodbye rotate")
		b.leave()
		if !b.ended() || r.ended[stream.Rotate] != 1 {
			t.Error(r.ended)
		}
	})
}

// Projects beyond the limit wait, and are listened for as soon as there is room: the oldest first.
func TestProjectsThatWaitAreListenedFor(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		r.projects = 2
		a, b := r.open("a"), r.open("b")
		c, d := r.open("c"), r.open("d")
		r.pass(stream.HelloMost)
		c.want("hello waiting:c")
		d.want("hello waiting:d")
		if got := strings.Join(r.source.watched, " "); got != "a b" {
			t.Fatal(got)
		}
		r.publish("c@5")
		a.leave()
		if got := strings.Join(r.source.watched, " "); got != "a b c" {
			t.Fatal(got)
		}
		if got := c.take(); got[len(got)-1] != "hello c@5" {
			t.Errorf("%q", got)
		}
		d.leave() // gives up while it waits: nobody listens for it later
		b.leave()
		if got := strings.Join(r.source.watched, " "); got != "a b c" {
			t.Fatal(got)
		}
		e := r.open("e")
		e.want("hello unknown:e")
		r.publish("e@1", "c@6")
		e.want("e@1")
		if got := c.take(); got[len(got)-1] != "c@6" {
			t.Errorf("%q", got)
		}
	})
}
