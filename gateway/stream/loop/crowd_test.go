package loop

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

// crowd is more than a loop serves in one slice of its work, of anything.
const crowd = 300

// hold makes the loop stand still until it is let go. What is asked of it meanwhile comes at once then.
func (r *rig) hold() (letGo func()) {
	stop := make(chan struct{})
	r.Post(func(time.Time) { <-stop })
	synctest.Wait()
	return func() {
		close(stop)
		synctest.Wait()
	}
}

// What is done in slices is done for all, and at once: no time passes here.
func TestCrowd(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		letGo := r.hold()
		var all []*browser
		for range crowd {
			all = append(all, r.open("42"))
		}
		letGo()
		want := func(events ...string) {
			t.Helper()
			for _, b := range all {
				b.want(events...)
			}
		}
		want("hello unknown:42")
		r.publish("42@1")
		want("42@1")
		r.CadenceChanged()
		want("heartbeat")
		rules := *r.rules
		rules.Revoked = func(o stream.Owner, p version.Project) bool { return p.String() == "7" }
		r.rules = &rules
		r.TokensRevoked() // concerns nobody
		want()

		// A version that comes while another one is on its way replaces it for those who have not got it yet.
		for v := range 20 {
			letGo = r.hold()
			r.publish("42@" + string('2'+rune(v%2)))
			letGo()
		}
		want("42@2", "42@3")
		r.FlagChanged(0)
		want()
		r.Dismiss(stream.Goodbye{Reason: stream.Drain}, 0)
		want("goodbye drain")
		if r.ended[stream.Drain] != crowd {
			t.Error(r.ended)
		}
		r.pass(lingerMost)
		for _, b := range all {
			if !b.ended() {
				t.Fatal("not closed")
			}
		}
	})
}

// A version that comes while the one before is on its way replaces it: for those who have that already too.
func TestNewsDuringNews(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		var all []*browser
		for range crowd {
			b := r.open("42")
			b.take()
			all = append(all, b)
		}
		i, _ := r.board.Index(r.project("42"))
		heard := 0
		for _, b := range all {
			b.hear = func(p []byte) {
				b.got.Write(p)
				if heard++; heard == 2*slice {
					r.hub.Deliver([]version.Change{{
						Project: r.project("42"), Index: i, Advance: true,
						State: version.State{Listening: true, Known: true, Version: 2},
					}})
				}
			}
		}
		r.publish("42@1")
		both := 0
		for _, b := range all {
			switch got := strings.Join(b.take(), " "); got {
			case "42@1 42@2":
				both++
			case "42@2":
			default:
				t.Fatal(got)
			}
		}
		if both < 2*slice || both > 6*slice {
			t.Errorf("%d of %d got both versions", both, crowd)
		}
	})
}

// A project with many watchers does not delay one with few.
func TestCrowdDelaysNobody(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		for range crowd {
			r.open("big")
		}
		small := r.open("small")
		small.take()
		letGo := r.hold()
		r.publish("big@1")
		r.publish("small@1")
		before, at := 0, -1
		for _, b := range r.browsers {
			b.hear = func([]byte) {
				if b == small {
					at = before
				}
				before++
			}
		}
		letGo()
		if before != crowd+1 || at < 0 || at > 2*slice {
			t.Errorf("of %d events that of the small project is number %d", before, at)
		}
	})
}

// Streams that arrive together do not delay news.
func TestArrivalsDelayNobody(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := r.open("42")
		b.take()
		letGo := r.hold()
		for range crowd {
			r.open("7")
		}
		r.publish("42@1")
		before, at := 0, -1
		for _, other := range r.browsers {
			other.hear = func([]byte) {
				if other == b {
					at = before
				}
				before++
			}
		}
		letGo()
		if before != crowd+1 || at < 0 || at > 2*slice {
			t.Errorf("of %d events the news is number %d", before, at)
		}
	})
}

// Streams that arrive when the loop has ended, or just before, are cut and give their tickets back.
func TestArrivesAsTheLoopEnds(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		stop := make(chan struct{})
		r.Post(func(time.Time) { <-stop })
		synctest.Wait()
		b := r.open("42")
		go r.stop()
		synctest.Wait()
		close(stop)
		synctest.Wait()
		if !b.ended() || r.ended[stream.Gone] != 1 {
			t.Errorf("%v", r.ended)
		}
		if r.Add(Arrival{}) {
			t.Error("a loop that has ended takes a stream")
		}
		r.CadenceChanged() // does nothing
		if r.parked && (r.closed != 1 || !r.poller.closed) {
			t.Errorf("%d sockets closed, poller closed: %v", r.closed, r.poller.closed)
		}
	})
}

// A panic is a bug. It ends the loop, with an error, and the streams with it.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true)
		r.stop()
		opt := r.Loop.opt
		panicked := 0
		opt.Panicked = func() { panicked++ }
		r.Loop = New(opt)
		r.carrier = r.Loop
		failed := make(chan error, 1)
		go func() { failed <- r.Run(context.Background()) }()
		b := r.open("42")
		r.Post(func(time.Time) { panic("a bug") })
		if err := <-failed; err == nil || !strings.Contains(err.Error(), "a bug") || panicked != 1 {
			t.Errorf("%v, told %d times", err, panicked)
		}
		if !b.ended() || r.ended[stream.Gone] != 1 {
			t.Error("a stream of a loop that has ended is open")
		}
	})
}

// A loop without a poller ends, and cuts whoever has come already.
func TestNoPoller(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		r.stop()
		opt := r.Loop.opt
		opt.NewPoller = func() (Poller, error) { return nil, errors.New("too many open files") }
		r.Loop = New(opt)
		r.carrier = r.Loop
		b := r.open("42")
		if err := r.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "too many open files") {
			t.Error(err)
		}
		if r.ended[stream.Gone] != 1 || !r.parked && !b.ended() { // sockets end with the process
			t.Error(r.ended)
		}
	})
}

// What a crowd needed is given back when all have gone.
func TestCrowdLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		for v := range 2 {
			var all []*browser
			for range crowd {
				all = append(all, r.open("42", "7"))
			}
			for _, b := range all {
				b.stall(1)
			}
			r.publish("42@" + string('1'+rune(5*v)))
			for _, b := range all {
				b.leave()
			}
			letGo := r.hold()
			r.publish("42@" + string('2'+rune(5*v)))
			if n := len(r.offered); n != 0 {
				t.Errorf("%d frames are offered, though nobody watches", n)
			}
			letGo()
			if len(r.streams.chunks)+len(r.subs.chunks)+len(r.shards.chunks)+len(r.lines)+r.sockets != 0 || r.rest != nil {
				t.Error("something is left")
			}
		}
	})
}

// Lag is 0 while the loop has nothing to do, and grows while it stands still.
func TestLag(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		for range 3 {
			if got := r.Lag(time.Now()); got != 0 {
				t.Error(got)
			}
			synctest.Wait()
		}
		letGo := r.hold()
		r.Lag(time.Now())
		time.Sleep(time.Second)
		if got := r.Lag(time.Now()); got != time.Second {
			t.Error(got)
		}
		letGo()
		if got := r.Lag(time.Now()); got != time.Second {
			t.Errorf("the last time it took %v", got)
		}
		synctest.Wait()
		if got := r.Lag(time.Now()); got != 0 {
			t.Error(got)
		}
	})
}

// What was sent is counted.
func TestCounts(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := r.open("42")
		r.publish("42@1")
		r.publish("42@2")
		r.pass(stream.SecondEvent)
		r.Dismiss(stream.Goodbye{Reason: stream.Drain}, 0)
		b.want("hello unknown:42", "42@1", "42@2", "heartbeat", "goodbye drain")
		if want := (Counts{Hellos: 1, Versions: 2, Heartbeats: 1, Goodbyes: 1}); r.sent != want {
			t.Errorf("%+v, want %+v", r.sent, want)
		}
	})
}

// Loops share the projects of a hub, and each is told for its own streams, as long as it has some.
func TestTwoLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, false)
		one := r.Loop
		opt := one.opt
		opt.NewPoller = nil
		two := New(opt)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- two.Run(ctx) }()
		open := func(on *Loop) *browser {
			r.carrier = on
			return r.open("42")
		}
		a, b := open(one), open(two)
		r.publish("42@1")
		a.want("hello unknown:42", "42@1")
		b.want("hello unknown:42", "42@1")
		a.leave()
		r.publish("42@2")
		b.want("42@2")
		a = open(one)
		b.leave()
		r.publish("42@3")
		a.want("hello 42@2", "42@3")
		b = open(two)
		b.want("hello 42@3")
		stop()
		if err := <-ended; err != nil || !b.ended() {
			t.Error(err)
		}
		r.publish("42@4")
		a.want("42@4")
		a.leave()
		if r.pass(2 * time.Minute); r.hub.Projects() != 0 || r.ended[stream.Gone] != 4 {
			t.Errorf("%d projects are left, %v", r.hub.Projects(), r.ended)
		}
	})
}

// A loop that stands still keeps the newest frame of each project, and none of a project that it forgot since.
func TestOffers(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		b := r.open("42")
		r.open("7")
		one, _ := r.board.Index(r.project("42"))
		two, _ := r.board.Index(r.project("7"))
		old, newest := &stream.Frame{}, &stream.Frame{}
		r.Post(func(time.Time) {
			r.Offer(one, old)
			r.Offer(two, old)
			r.Offer(one, newest)
			if len(r.offered) != 2 || r.offered[one] != newest || r.replaced != 1 {
				t.Errorf("%v, %d replaced", r.offered, r.replaced)
			}
			r.end(b.tag.Index, r.find(b.tag), stream.Gone)
			if len(r.offered) != 1 || r.offered[two] != old {
				t.Errorf("%v", r.offered)
			}
		})
		synctest.Wait()
	})
}
