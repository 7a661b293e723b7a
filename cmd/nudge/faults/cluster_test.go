//go:build unix

package faults

import (
	"time"

	"nudge/version/redis"
	"nudge/version/redistest"
)

// clustered opens the stage on a Redis Cluster.
func (s *stage) clustered() *redistest.Cluster {
	s.Helper()
	c := redistest.StartCluster(s)
	ro := redis.Options{Mode: redis.Cluster, Addrs: c.Addrs()}
	s.open(ro, ro)
	s.stored = func(project string) int64 { return s.held(c.Master(c.Slot(channel(project))), project) }
	return c
}

var clusterFaults = []scenario{
	{name: "Cluster: master killed", expect: expect{push: degraded, within: 6 * time.Second}, play: func(s *stage) {
		c := s.clustered()
		slot := c.Slot(channel(project(0)))
		s.fault(c.Master(slot).Kill)
		s.repair(func() {
			redistest.Until(s, "replica that takes over", func() bool { return c.Master(slot) != nil })
		})
	}},
	{name: "Cluster: master frozen, thawed later", expect: expect{push: degraded, within: 6 * time.Second}, play: func(s *stage) {
		c := s.clustered()
		slot := c.Slot(channel(project(0)))
		old := c.Master(slot)
		replica := c.Replica(old)
		s.fault(old.Freeze)
		s.repair(func() {
			redistest.Until(s, "replica that takes over", func() bool { return replica.Info("role") == "master" })
		})
		s.pass(s.expect.within / 2)
		old.Thaw()
	}},
	{name: "Cluster: slots migrated with their keys", expect: expect{within: 6 * time.Second}, play: func(s *stage) {
		c := s.clustered()
		s.fault(func() {})
		s.repair(func() {
			for i := range 30 {
				slot := c.Slot(channel(project(5 * i)))
				if c.Master(slot) != c.Nodes[0] {
					c.Migrate(slot, c.Nodes[0])
				}
			}
		})
	}},
	{name: "Cluster: graceful failover", short: true, expect: expect{within: 6 * time.Second}, play: func(s *stage) {
		c := s.clustered()
		replica := c.Replica(c.Master(c.Slot(channel(project(0)))))
		s.fault(func() {})
		s.repair(func() { c.Failover(replica) })
	}},
}
