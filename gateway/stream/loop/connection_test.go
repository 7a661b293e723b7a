package loop

import (
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

// A reader that takes nothing for too long is stuck.
func TestStuckReaders(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		gone, failed := r.open("42"), r.open("42")
		gone.stuck, failed.stuck = true, true
		gone.leave()
		failed.breakLine()
		r.publish("42@1")
		if !gone.ended() || !failed.ended() || r.ended[stream.Stuck] != 2 {
			t.Error(r.ended)
		}
	})
}

// The first hello is sent whole, even if nothing of it was taken at once; nothing more follows.
func TestFirstHelloOfASlowReader(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := &browser{r: r, room: 0}
		r.give(Arrival{Head: []byte("head\n\n"), Judged: r.rules, Projects: []stream.Subscription{{Project: r.project("42")}}}, b)
		b.want()
		b.read()
		b.want("hello unknown:42")
	})
}

// A loop wants to know no more than it acts on: the poller would tell it of the same for ever.
func TestInterest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true)
		b := r.open("42")
		b.take()
		b.stall(3)
		r.publish("42@1")
		if b.interest != OnSent|OnWritable {
			t.Errorf("interest %b", b.interest)
		}
		if b.read(); b.interest != OnSent { // it is not behind any more
			t.Errorf("interest %b", b.interest)
		}
		b.want("42@1")
		b.stall(3)
		r.publish("42@2")
		b.tell(Event{Sent: true})
		if b.interest != OnWritable {
			t.Errorf("interest %b", b.interest)
		}
		b.read()
		b.want("42@2", "goodbye rotate")
		if b.interest != OnSent || b.ended() {
			t.Errorf("interest %b", b.interest)
		}
	})
}

// A hello that makes nobody poll is not booked as polls.
func TestHelloThatAsksNobody(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		keep := r.open("42")
		if keep.take(); r.asked != 1 {
			t.Errorf("%d hellos ask", r.asked)
		}
		r.board.Gap()
		b := r.open("42")
		r.pass(stream.HelloMost)
		if b.want("hello waiting:42"); r.asked != 1 {
			t.Errorf("%d hellos ask", r.asked)
		}
	})
}

// A browser that breaks while it reads what it missed is gone.
func TestBreaksWhileItCatchesUp(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := r.open("42")
		b.take()
		b.stall(5)
		r.publish("42@1")
		b.breakLine()
		b.read()
		if !b.ended() || r.ended[stream.Gone] != 1 || len(r.rest) != 0 {
			t.Error(r.ended)
		}
	})
}

// What is sent first comes before a goodbye too, and the gateway's own goodbye is for those alone who are dismissed.
func TestGoodbyes(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		open := func(projects ...stream.Subscription) *browser {
			b := &browser{r: r, room: -1}
			r.give(Arrival{Head: []byte("head\n\n"), Judged: r.rules, Projects: projects}, b)
			return b
		}
		first := open(stream.Subscription{Project: r.project("42")})
		first.take()
		goodbye := stream.Goodbye{Reason: stream.Drain, AfterMS: 1000, SpreadMS: 4000}
		r.Dismiss(goodbye, time.Minute)
		late := open(stream.Subscription{Project: r.project("42")})
		if text := late.got.String(); text != "head\n\nevent: goodbye\ndata: {\"reason\":\"drain\",\"after_ms\":1000,\"spread_ms\":4000}\n\n" {
			t.Errorf("%q", text)
		}
		rules := *r.rules
		rules.Allows = func(stream.Owner, version.Project) bool { return false }
		r.rules = &rules
		r.FlagChanged(0)
		synctest.Wait()
		if text := first.got.String(); text != "event: goodbye\ndata: {\"reason\":\"off\",\"after_ms\":0,\"spread_ms\":0}\n\n" {
			t.Errorf("%q", text)
		}
		if !first.finished || !late.finished {
			t.Error("what is sent is not ended")
		}
	})
}

// A browser that sends more than its request is told to come back with that.
func TestSendsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true)
		b := r.open("42")
		b.tell(Event{Sent: true})
		b.want("hello unknown:42", "goodbye rotate")
		if b.interest&OnSent == 0 || b.ended() {
			t.Error("nobody reads what it sends")
		}
		b.tell(Event{Sent: true})
		if b.ended() || b.discarded != 1 {
			t.Error("closed, or not read")
		}
		b.over = true
		b.tell(Event{Sent: true})
		if !b.ended() || r.ended[stream.Rotate] != 1 {
			t.Error(r.ended)
		}
	})
}

// What is heard late of a stream that has ended is not taken for news of another.
func TestLateEvents(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		keep := r.open("42") // so that indices are used again
		old := r.open("42")
		old.leave()
		b := r.open("42")
		if b.tag.Index != old.tag.Index {
			t.Fatalf("%d is not used again", old.tag.Index)
		}
		old.tell(Event{Gone: true})
		old.tell(Event{Sent: true})
		b.want("hello unknown:42")
		keep.want("hello unknown:42")
		if b.ended() || r.ended[stream.Gone] != 1 {
			t.Error(r.ended)
		}
	})
}
