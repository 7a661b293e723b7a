//go:build unix

package redistest_test

import (
	"testing"
	"time"

	"nudge/version/redistest"
)

// What the tests of failover build on.
func TestGroup(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	g := redistest.StartGroup(t)
	t.Logf("started in %v", time.Since(begun))
	first := g.Master()
	if first != g.Servers[0] {
		t.Fatal("the first server is not the master")
	}
	first.Do("SET", "k", "v")
	if got := first.Do("WAIT", 2, 20_000); got != int64(2) { // replicas get it later than whoever wrote it gets the answer
		t.Fatalf("%v replicas have the key", got)
	}
	begun = time.Now()
	first.Kill()
	redistest.Until(t, "promoted replica", func() bool { return g.Master() != first })
	t.Logf("promoted after %v", time.Since(begun))
	if got := g.Master().Do("GET", "k"); got != "v" {
		t.Errorf("the promoted server holds %v", got)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	c := redistest.StartCluster(t)
	t.Logf("started in %v", time.Since(begun))
	slot := c.Slot("k")
	from := c.Master(slot)
	from.Do("SET", "k", "v")
	to := c.Nodes[0]
	if from == to {
		to = c.Nodes[1]
	}
	c.Migrate(slot, to)
	if got := to.Do("GET", "k"); got != "v" {
		t.Errorf("after the move: %v", got)
	}
	begun = time.Now()
	to.Kill()
	redistest.Until(t, "replica that takes over", func() bool { return c.Master(slot) != nil })
	t.Logf("taken over after %v", time.Since(begun))
	if got := c.Master(slot).Do("GET", "k"); got != "v" {
		t.Errorf("the promoted node holds %v", got)
	}
	other := c.Master((slot + slots/2) % slots)
	c.Failover(c.Replica(other))
}

const slots = 16384
