//go:build unix

package faults

import (
	"strings"
	"time"

	"nudge/version/redistest"
)

// durable makes a server lose nothing that it has acknowledged.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// direct opens the stage on one server, the gateway over TCP.
func (s *stage) direct(flags ...string) *redistest.Server {
	s.Helper()
	server := redistest.Start(s, flags...)
	s.open(standalone(server.Addr), standalone(server.Socket))
	return server
}

// killed is a server that is away for a while.
func killed(away time.Duration, flags ...string) func(*stage) {
	return func(s *stage) {
		server := s.direct(flags...)
		s.fault(server.Kill)
		s.pass(away)
		s.repair(server.Start)
		s.once("redis does not deliver", "fault=source")
	}
}

// cut is a server that closes connections, once or again and again.
func cut(kind string, times int) func(*stage) {
	return func(s *stage) {
		server := s.direct()
		s.fault(func() {})
		s.repair(func() {
			for i := range times {
				if i > 0 {
					s.pass(100 * time.Millisecond)
				}
				server.Do("CLIENT", "KILL", "TYPE", kind)
			}
		})
		if times == 1 {
			s.wait("gap in the metrics", prompt, func() bool { return s.gaps() == "1" })
			s.once(broke)
		}
	}
}

const broke = "redis subscription broke"

var standaloneFaults = []scenario{
	{name: "killed, back after 0.2 s", short: true, expect: expect{hello: true}, play: killed(200*time.Millisecond, durable...)},
	{name: "killed, back after 2 s", expect: expect{push: down, hello: true}, play: killed(2*time.Second, durable...)},
	{name: "killed, back after 10 s", expect: expect{push: down, hello: true}, play: killed(10*time.Second, durable...)},
	{name: "frozen", short: true, expect: expect{push: down}, play: func(s *stage) {
		server := s.direct()
		s.fault(server.Freeze)
		s.pass(s.untilTold())
		s.repair(server.Thaw)
	}},
	{name: "subscription cut, same server", short: true, play: cut("pubsub", 1)},
	{name: "CLIENT KILL TYPE pubsub in a loop", play: func(s *stage) {
		cut("pubsub", 30)(s)
		if s.gaps() == "0" {
			s.Error("no gap in the metrics")
		}
	}},
	{name: "CLIENT KILL TYPE normal in a loop", play: cut("normal", 30)},
	{name: "output buffer limit hit", play: func(s *stage) {
		server := s.direct()
		server.Do("CONFIG", "SET", "client-output-buffer-limit", "pubsub 64kb 0 0")
		// News of no worth, all at once: nobody reads as fast as a script writes.
		flood := "for i = 1, 2000 do redis.call('PUBLISH', KEYS[1], ARGV[1]) end"
		s.fault(func() { server.Do("EVAL", flood, 1, channel(project(0)), strings.Repeat(" ", 1000)+"1") })
		s.repair(func() {})
		s.wait("gap in the metrics", prompt, func() bool { return s.gaps() == "1" })
		s.once(broke)
	}},
}

// channel is the channel and the key of a project.
func channel(project string) string { return "nudge:{" + project + "}" }
