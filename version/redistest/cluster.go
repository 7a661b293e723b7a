//go:build unix

package redistest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// slots is how many a Redis Cluster has.
const slots = 16384

// Cluster is a Redis Cluster of three masters with a replica each.
type Cluster struct {
	Nodes []*Server // in the beginning the first three are masters, and the fourth is the first one's replica

	t testing.TB
}

// StartCluster starts one that gives a silent node up after two seconds. See [Start] for the rest.
func StartCluster(t testing.TB, flags ...string) *Cluster {
	t.Helper()
	const masters = 3
	c := &Cluster{t: t}
	for range 2 * masters {
		flags := append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "2000"}, flags...)
		c.Nodes = append(c.Nodes, prepare(t, flags...))
	}
	startAll(t, c.Nodes...)
	for i, n := range c.Nodes {
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i < masters {
			add := []any{"CLUSTER", "ADDSLOTS"} // ADDSLOTSRANGE is of 7.0
			for slot := i * slots / masters; slot < (i+1)*slots/masters; slot++ {
				add = append(add, slot)
			}
			n.Do(add...)
		}
	}
	for i, n := range c.Nodes { // everybody everybody, since they would take seconds to tell one another
		for _, other := range c.Nodes[:i] {
			n.Do("CLUSTER", "MEET", "127.0.0.1", other.port, other.bus)
		}
	}
	for i, replica := range c.Nodes[masters:] {
		id := c.Nodes[i].Do("CLUSTER", "MYID").(string)
		Until(t, "node that knows its master", func() bool {
			_, err := replica.Try("CLUSTER", "REPLICATE", id)
			return err == nil
		})
	}
	Until(t, "whole cluster", c.whole)
	return c
}

// whole tells whether every node knows every other, and every replica has its master's data.
func (c *Cluster) whole() bool {
	var group errgroup.Group
	missing := make([]bool, len(c.Nodes))
	for i, n := range c.Nodes {
		group.Go(func() error {
			got, _ := n.Try("CLUSTER", "INFO")
			info, _ := got.(string)
			missing[i] = !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:6") ||
				len(n.replicas()) != len(c.Nodes)/2 ||
				n.Info("role") == "slave" && n.Info("master_link_status") != "up"
			return nil
		})
	}
	group.Wait()
	for _, m := range missing {
		if m {
			return false
		}
	}
	return true
}

// replicas are the lines of CLUSTER NODES of all replicas.
func (s *Server) replicas() (lines []string) {
	got, _ := s.Try("CLUSTER", "NODES")
	text, _ := got.(string)
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 2 && strings.Contains(fields[2], "slave") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Addrs are the addresses of all nodes.
func (c *Cluster) Addrs() []string { return addrs(c.Nodes) }

// Slot is the slot of a key.
func (c *Cluster) Slot(key string) int {
	return int(c.Nodes[len(c.Nodes)-1].Do("CLUSTER", "KEYSLOT", key).(int64))
}

// Master is the node that says of itself that it serves this slot; nil: none does. The dead are not asked.
func (c *Cluster) Master(slot int) *Server {
	for _, n := range c.Nodes {
		if n.proc == nil {
			continue
		}
		got, _ := n.Try("CLUSTER", "SLOTS")
		ranges, _ := got.([]any)
		for _, r := range ranges {
			r := r.([]any)
			if int64(slot) < r[0].(int64) || int64(slot) > r[1].(int64) {
				continue
			}
			if port := r[2].([]any)[1].(int64); strconv.FormatInt(port, 10) == n.port {
				return n
			}
		}
	}
	return nil
}

// Failover makes a replica take its master's place, with the master's consent, and waits until it has. The old
// master needs a moment more until it could do the same.
func (c *Cluster) Failover(replica *Server) {
	c.t.Helper()
	replica.Do("CLUSTER", "FAILOVER")
	Until(c.t, "replica that became a master", func() bool { return replica.Info("role") == "master" })
}

// Replica is a node that follows master, which need not be alive; nil: none.
func (c *Cluster) Replica(master *Server) *Server {
	for _, n := range c.Nodes {
		if n != master && n.proc != nil && n.Info("master_port") == master.port {
			return n
		}
	}
	return nil
}

// Migrate moves a slot with its keys to another master, as redis-cli --cluster reshard does. While one is master of
// more and more slots, no other should become so: they would contradict one another until their gossip has settled it.
func (c *Cluster) Migrate(slot int, to *Server) {
	c.t.Helper()
	from := c.Master(slot)
	source, target := from.Do("CLUSTER", "MYID"), to.Do("CLUSTER", "MYID")
	to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", source)
	from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	for {
		keys := from.Do("CLUSTER", "GETKEYSINSLOT", slot, 100).([]any)
		if len(keys) == 0 {
			break
		}
		migrate := []any{"MIGRATE", "127.0.0.1", to.port, "", 0, time.Second.Milliseconds(), "KEYS"}
		from.Do(append(migrate, keys...)...)
	}
	for _, n := range append([]*Server{to, from}, c.Nodes...) { // in this order, or the slot is nobody's for a moment
		if n.proc != nil && n.Info("role") == "master" {
			n.Do("CLUSTER", "SETSLOT", slot, "NODE", target)
		}
	}
}
