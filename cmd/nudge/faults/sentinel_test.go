//go:build unix

package faults

import (
	"strconv"
	"time"

	"nudge/version/redis"
	"nudge/version/redistest"
)

func bySentinel(g *redistest.Group) redis.Options {
	return redis.Options{Mode: redis.Sentinel, Addrs: g.Addrs(), Master: g.Name}
}

// watchedOver opens the stage on a master with replicas and Sentinels.
func (s *stage) watchedOver() *redistest.Group {
	s.Helper()
	g := redistest.StartGroup(s)
	s.open(bySentinel(g), bySentinel(g))
	s.stored = func(project string) int64 { return s.held(g.Master(), project) }
	return g
}

// held is the version in a project's key at its master; 0: none.
func (s *stage) held(server *redistest.Server, project string) int64 {
	s.Helper()
	if server == nil {
		s.Fatalf("%s has no master", project)
	}
	got, _ := server.Try("GET", channel(project))
	text, _ := got.(string)
	v, _ := strconv.ParseInt(text, 10, 64)
	return v
}

// promoted waits until the Sentinels name another master, which is one.
func promoted(s *stage, g *redistest.Group, old *redistest.Server) func() {
	return func() {
		redistest.Until(s, "promoted replica", func() bool {
			m := g.Master()
			return m != nil && m != old && m.Info("role") == "master"
		})
	}
}

// arrived waits until the gateway listens at the master that the Sentinels name.
func (s *stage) arrived(g *redistest.Group) {
	s.Helper()
	s.wait("gateway at the new master", s.expect.within, func() bool {
		m := g.Master()
		return m != nil && subscribed(m)
	})
}

var sentinelFaults = []scenario{
	{name: "Sentinel: master killed", short: true, expect: expect{push: degraded, within: 5 * time.Second, hello: true}, play: func(s *stage) {
		g := s.watchedOver()
		old := g.Master()
		s.fault(old.Kill)
		s.repair(promoted(s, g, old))
		s.arrived(g)
	}},
	{name: "Sentinel: failover by hand, old master alive", expect: expect{within: 5 * time.Second}, play: func(s *stage) {
		g := s.watchedOver()
		old := g.Master()
		s.fault(g.Failover)
		s.repair(promoted(s, g, old))
		s.app.move(s, bySentinel(g)) // the Sentinels tell applications; what goes to the old master until it follows is lost
		s.arrived(g)
	}},
	{name: "Sentinel: master frozen, thawed later", expect: expect{push: degraded, within: 5 * time.Second}, play: func(s *stage) {
		g := s.watchedOver()
		old := g.Master()
		s.fault(old.Freeze)
		s.repair(promoted(s, g, old))
		s.arrived(g)
		old.Thaw()
	}},
}
