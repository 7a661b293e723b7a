//go:build unix

package faults

import (
	"time"

	"nudge/version/redistest"
)

// quiet is the i-th of the projects that nobody else publishes to.
func quiet(i int) string { return project(busy + missed + i%(projects-busy-missed)) }

var dataLossFaults = []scenario{
	{name: "restarted empty", short: true, expect: expect{push: down, hello: true}, play: killed(2 * time.Second)},
	{name: "restored with older keys", expect: expect{push: down, hello: true}, play: func(s *stage) { restored(s, false) }},
	{name: "restored with older keys, and the application too", expect: expect{push: down, hello: true}, play: func(s *stage) { restored(s, true) }},
	{name: "replica promoted that had lost acknowledged writes", expect: expect{push: degraded, within: 5 * time.Second, hello: true}, play: func(s *stage) {
		old, now := redistest.Start(s), redistest.Start(s)
		now.Follow(old)
		address := redistest.StartAddress(s, old)
		s.open(standalone(address.Addr), standalone(old.Socket))
		now.Do("REPLICAOF", "127.0.0.1", "1") // it still waits for its master, and gets nothing any more
		s.pass(time.Second)
		s.fault(old.Kill)
		s.pass(s.untilTold())
		s.repair(func() {
			now.Do("REPLICAOF", "NO", "ONE")
			s.app.move(s, standalone(now.Socket))
			address.MoveTo(now)
		})
	}},
	{name: "reset during an outage", expect: expect{push: down}, play: func(s *stage) {
		server := redistest.Start(s)
		proxy := redistest.StartProxy(s, server)
		s.open(standalone(proxy.Addr), standalone(server.Socket))
		var mend func()
		s.fault(func() { mend = proxy.Spoil(toxic("timeout", "downstream", number{"timeout": 0})) })
		for i := range 40 {
			_ = s.app.reset(quiet(i))
			if i%2 == 0 { // some go on at once, some later
				_ = s.app.publish(quiet(i))
			}
		}
		s.pass(s.untilTold())
		s.repair(func() { mend() })
		for i := range 40 {
			s.pass(50 * time.Millisecond)
			_ = s.app.publish(quiet(i))
		}
		for i := range 10 {
			_ = s.app.reset(quiet(40 + i))
		}
	}},
	{name: "resets racing routine reads", play: func(s *stage) {
		server := redistest.Start(s)
		proxy := redistest.StartProxy(s, server)
		proxy.Spoil(toxic("latency", "downstream", number{"latency": 50, "jitter": 50})) // so that answers overtake news, and the reverse
		ours := standalone(proxy.Addr)
		ours.Routine = 50 * time.Millisecond
		s.open(ours, standalone(server.Socket))
		s.fault(func() {})
		for i := range 200 {
			_ = s.app.reset(quiet(i))
			s.pass(10 * time.Millisecond)
			if i%3 > 0 {
				_ = s.app.publish(quiet(i))
			}
		}
		s.repair(func() {})
	}},
	{name: "mixed publishers, and a gap", expect: expect{hello: true, concerns: quietOnes()}, play: func(s *stage) {
		server := s.direct()
		bare := func(rounds int) {
			for i := range rounds * len(quietOnes()) {
				_ = s.app.bare(server, quiet(i))
			}
		}
		bare(2) // from now on the key stays behind
		s.fault(func() { server.Do("CLIENT", "KILL", "TYPE", "pubsub") })
		bare(2)
		s.repair(func() {})
		s.pass(time.Second)
		bare(2)
	}},
}

func quietOnes() (all []string) {
	for i := range projects - busy - missed {
		all = append(all, quiet(i))
	}
	return all
}

// restored is a server whose data were lost and come from a backup.
func restored(s *stage, applicationToo bool) {
	server := s.direct()
	server.Do("SAVE")
	restore := s.app.remember()
	s.pass(time.Second)
	s.fault(server.Kill)
	if applicationToo {
		restore()
	}
	s.pass(s.untilTold())
	s.repair(server.Start)
	for i := range 10 {
		_ = s.app.publish(quiet(i))
	}
}
