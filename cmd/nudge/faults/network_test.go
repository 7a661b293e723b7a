//go:build unix

package faults

import (
	"time"

	"nudge/version/redistest"
)

// proxied opens the stage with a toxiproxy between the gateway and the server; the application goes straight to it.
func (s *stage) proxied() *redistest.Proxy {
	s.Helper()
	server := redistest.Start(s)
	proxy := redistest.StartProxy(s, server)
	s.open(standalone(proxy.Addr), standalone(server.Socket))
	return proxy
}

// spoiled is a way to the server that is bad for as long as it takes to be told of it.
func spoiled(toxics ...redistest.Toxic) func(*stage) {
	return func(s *stage) {
		proxy := s.proxied()
		var mend func()
		s.fault(func() { mend = proxy.Spoil(toxics...) })
		s.pass(s.untilTold())
		s.repair(func() { mend() })
	}
}

func toxic(kind, direction string, attributes map[string]any) redistest.Toxic {
	return redistest.Toxic{Type: kind, Stream: direction, Attributes: attributes}
}

type number = map[string]any // of attributes

var networkFaults = []scenario{
	{name: "way cut, and refused for a while", expect: expect{push: down}, play: func(s *stage) {
		proxy := s.proxied()
		s.fault(func() { proxy.Enable(false) })
		s.pass(s.untilTold())
		s.repair(func() { proxy.Enable(true) })
	}},
	{name: "bytes swallowed, connection open", short: true, expect: expect{push: down}, play: spoiled(
		toxic("timeout", "downstream", number{"timeout": 0}), toxic("timeout", "upstream", number{"timeout": 0}))},
	{name: "bytes swallowed on the way back", expect: expect{push: down}, play: spoiled(
		toxic("timeout", "downstream", number{"timeout": 0}))},
	// Nobody repairs this one, so it must be over as soon as it must be told.
	{name: "connections silent for ever, new ones work", short: true, expect: expect{push: degraded, within: 4 * time.Second}, play: func(s *stage) {
		server := redistest.Start(s)
		address := redistest.StartAddress(s, server)
		s.open(standalone(address.Addr), standalone(server.Socket))
		s.fault(func() {})
		s.repair(address.Mute)
	}},
	{name: "latency 500 ms", play: spoiled(toxic("latency", "downstream", number{"latency": 500}))},
	{name: "bandwidth 1 kB/s", expect: expect{push: degraded}, play: spoiled(toxic("bandwidth", "downstream", number{"rate": 1}))},
	{name: "reset within a message", expect: expect{push: degraded}, play: func(s *stage) {
		server := redistest.Start(s)
		address := redistest.StartAddress(s, server)
		s.open(standalone(address.Addr), standalone(server.Socket))
		s.fault(func() { address.Tear(true) })
		s.pass(s.untilTold())
		s.repair(func() { address.Tear(false) })
	}},
	{name: "ended within a message, again and again", play: spoiled(
		toxic("limit_data", "downstream", number{"bytes": 20_011}))},
	{name: "address moved, the old server a deaf replica", short: true, expect: expect{within: 5 * time.Second}, play: func(s *stage) {
		moved(s, func(old, _ *redistest.Server) { old.Do("REPLICAOF", "127.0.0.1", "1") })
	}},
	{name: "address moved, the old server a replica of the new", expect: expect{within: 5 * time.Second}, play: func(s *stage) {
		moved(s, func(old, now *redistest.Server) { old.Follow(now) })
	}},
}

// moved is an address that leads to another master, while what is connected stays with the old one, which becomes a
// replica and still answers PUBLISH.
func moved(s *stage, demote func(old, now *redistest.Server)) {
	old, now := redistest.Start(s), redistest.Start(s)
	now.Follow(old)
	address := redistest.StartAddress(s, old)
	s.open(standalone(address.Addr), standalone(old.Socket))
	s.fault(func() {})
	s.repair(func() {
		now.Do("REPLICAOF", "NO", "ONE")
		demote(old, now)
		s.app.move(s, standalone(now.Socket))
		address.MoveTo(now)
	})
	s.wait("gateway at the new server", s.expect.within, func() bool { return subscribed(now) })
}
