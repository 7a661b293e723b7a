package loop

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
)

// tabs are those of subjects that may have two streams each, and the Replacer that sees to it.
type tabs struct {
	*rig
	opened map[uint32]int
	crowds chan struct{}
}

func newTabs(t *testing.T, parked bool) *tabs {
	c := &tabs{newRig(t, parked), map[uint32]int{}, make(chan struct{}, 1)}
	p := Replacer{Loops: []*Loop{c.Loop}, Crowds: c.crowds, Crowded: func() map[uint32]int {
		c.mu.Lock()
		defer c.mu.Unlock()
		excess := map[uint32]int{}
		for subject, n := range c.opened {
			if n -= len(c.tickets[Ticket{subject}]); n > 2 {
				excess[subject] = n - 2
			}
		}
		return excess
	}}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return c
}

// enter opens a stream of a subject.
func (c *tabs) enter(subject uint32) *browser {
	b := &browser{r: c.rig, room: -1}
	c.mu.Lock()
	c.opened[subject]++
	c.mu.Unlock()
	c.give(Arrival{Ticket: Ticket{subject}, Judged: c.rules, Projects: []stream.Subscription{{Project: c.project("42")}}}, b)
	b.take()
	select {
	case c.crowds <- struct{}{}:
	default:
	}
	synctest.Wait()
	return b
}

func ofTabs(t *testing.T, f func(*testing.T, *tabs)) {
	t.Helper()
	for name, parked := range map[string]bool{"goroutine": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newTabs(t, parked)) })
		})
	}
}

// replaced returns how many streams made room.
func (c *tabs) replaced() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended[stream.Overload]
}

// The oldest stream of a subject makes room for a new one, and no other does.
func TestOldestMakesRoom(t *testing.T) {
	ofTabs(t, func(t *testing.T, c *tabs) {
		other, oldest, older := c.enter(2), c.enter(1), c.enter(1)
		c.enter(2)
		c.pass(5 * time.Second)
		for _, b := range []*browser{other, oldest, older} {
			b.want("heartbeat")
		}
		newest := c.enter(1)
		c.pass(checks*checkEvery - 1)
		oldest.take()
		c.pass(1)
		oldest.want("goodbye overload")
		if got := c.tickets[Ticket{1}]; len(got) != 1 || got[0] != stream.Overload {
			t.Errorf("gave its place back for %v", got)
		}
		c.enter(1)
		c.pass(10 * time.Second)
		if got := older.take(); got[len(got)-1] != "goodbye overload" {
			t.Errorf("the next one gets %q", got)
		}
		if other.ended() || newest.ended() || c.replaced() != 2 {
			t.Errorf("%d made room", c.replaced())
		}
	})
}

// A stream whose browser is gone, which nobody knows until something is written, makes room before one that is read.
func TestLostStreamsMakeRoom(t *testing.T) {
	ofTabs(t, func(t *testing.T, c *tabs) {
		oldest, reloaded := c.enter(1), c.enter(1)
		reloaded.breakLine()
		c.enter(1)
		c.pass(5 * time.Second)
		oldest.want("heartbeat")
		if !reloaded.ended() || c.ended[stream.Gone] != 1 || c.ended[stream.Overload] > 0 {
			t.Errorf("ended: %v", c.ended)
		}
	})
}

// A stream that is not read gives its place back at once, though its goodbye does not arrive.
func TestStuckStreamMakesRoom(t *testing.T) {
	ofTabs(t, func(t *testing.T, c *tabs) {
		stuck := c.enter(1)
		stuck.stall(1)
		c.publish("42@1")
		c.enter(1)
		c.enter(1)
		c.pass(checks * checkEvery)
		if got := c.tickets[Ticket{1}]; len(got) != 1 || got[0] != stream.Overload || !stuck.ended() {
			t.Errorf("gave its place back for %v", got)
		}
	})
}

// A heartbeat that fails gives the place back at once.
func TestFailedHeartbeatMakesRoom(t *testing.T) {
	ofTabs(t, func(t *testing.T, c *tabs) {
		b := c.enter(1)
		b.breakLine()
		c.CadenceChanged()
		synctest.Wait()
		if got := c.tickets[Ticket{1}]; len(got) != 1 || got[0] != stream.Gone {
			t.Errorf("gave its place back for %v", got)
		}
	})
}

// Many streams that make room at once delay nobody: they do so in parts.
func TestRoomIsMadeInParts(t *testing.T) {
	ofTabs(t, func(t *testing.T, c *tabs) {
		for subject := range uint32(50) {
			for range 6 {
				c.enter(subject + 1)
			}
		}
		for range 20 {
			before := c.replaced()
			c.pass(checkEvery)
			if n := c.replaced() - before; n > 64 {
				t.Fatalf("%d goodbyes in one go", n)
			}
		}
		if n := c.replaced(); n != 200 {
			t.Errorf("%d of 200 made room", n)
		}
	})
}
