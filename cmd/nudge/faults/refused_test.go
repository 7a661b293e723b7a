//go:build unix

package faults

import (
	"os"
	"path/filepath"
	"time"

	"nudge/version/redistest"
)

// refused is a server that takes no more writes, for this reason, while PUBLISH still works.
func refused(reason string, start func(*stage) *redistest.Server, fault, repair func(*redistest.Server)) func(*stage) {
	return func(s *stage) {
		server := start(s)
		s.fault(func() { fault(server) })
		s.wait("reason "+reason+" in /status", s.untilTold(), func() bool { return s.status()["reason"] == reason })
		if reason != "auth" { // what is only published is heard all the same
			for i := range 10 {
				_ = s.app.bare(server, quiet(i))
			}
		}
		s.pass(s.untilTold())
		s.once("redis does not deliver", "fault="+reason)
		if s.status()["reason"] != reason || s.metric(`nudge_push_state{state="down"}`) != "1" {
			s.Errorf("push is down by the metrics: %s; its reason is %v, want %s", s.metric(`nudge_push_state{state="down"}`), s.status()["reason"], reason)
		}
		s.repair(func() { repair(server) })
	}
}

func plain(s *stage) *redistest.Server { return s.direct() }

// restricted opens the stage with a user for the gateway who may do everything, for now.
func restricted(s *stage) *redistest.Server {
	server := redistest.Start(s)
	server.Do("ACL", "SETUSER", "gateway", "on", ">right", "~*", "&*", "+@all")
	ours := standalone(server.Addr)
	ours.Username, ours.Password = "gateway", "right"
	s.open(ours, standalone(server.Socket))
	return server
}

var refusedFaults = []scenario{
	{name: "MISCONF: cannot save to disk", expect: expect{push: down}, play: func(s *stage) {
		const file = "occupied.rdb"
		var blocker string
		refused("misconf", func(s *stage) *redistest.Server { return s.direct("--dbfilename", file) },
			func(server *redistest.Server) {
				blocker = filepath.Join(server.Dir, file, "x") // a folder with something in it is not replaced
				if err := os.MkdirAll(blocker, 0o700); err != nil {
					s.Fatal(err)
				}
				server.Do("CONFIG", "SET", "save", "3600 1000000")
				server.Do("BGSAVE")
				redistest.Until(s, "failed save", func() bool { return server.Info("rdb_last_bgsave_status") == "err" })
			},
			func(server *redistest.Server) {
				if err := os.RemoveAll(filepath.Dir(blocker)); err != nil {
					s.Fatal(err)
				}
				server.Do("BGSAVE")
				redistest.Until(s, "save", func() bool { return server.Info("rdb_last_bgsave_status") == "ok" })
			})(s)
	}},
	{name: "OOM: at its maxmemory", expect: expect{push: down}, play: refused("oom", plain,
		func(server *redistest.Server) { server.Do("CONFIG", "SET", "maxmemory", 1) },
		func(server *redistest.Server) { server.Do("CONFIG", "SET", "maxmemory", 0) })},
	{name: "READONLY: made a replica", expect: expect{push: down}, play: refused("readonly", plain,
		func(server *redistest.Server) { server.Do("REPLICAOF", "127.0.0.1", 1) },
		func(server *redistest.Server) { server.Do("REPLICAOF", "NO", "ONE") })},
	{name: "NOPERM: a right is taken away", short: true, expect: expect{push: down}, play: refused("noperm", restricted,
		func(server *redistest.Server) { server.Do("ACL", "SETUSER", "gateway", "-set") },
		func(server *redistest.Server) { server.Do("ACL", "SETUSER", "gateway", "+set") })},
	{name: "WRONGPASS: password rotated, connections cut", expect: expect{push: down}, play: refused("auth", restricted,
		func(server *redistest.Server) {
			server.Do("ACL", "SETUSER", "gateway", "resetpass", ">other")
			server.Do("CLIENT", "KILL", "TYPE", "pubsub")
		},
		func(server *redistest.Server) { server.Do("ACL", "SETUSER", "gateway", ">right") })},
	{name: "one SUBSCRIBE refused, granted later", expect: expect{within: 4 * time.Second, concerns: []string{forbidden}}, play: forbade},
}

// forbidden is the one project whose channel the gateway may not listen to.
const forbidden = "p199"

func forbade(s *stage) {
	server := redistest.Start(s)
	server.Do("ACL", "SETUSER", "gateway", "on", ">right", "~*", "+@all", "resetchannels", "&nudge:probe:*", "&nudge:control", "&nudge:tick",
		"&nudge:{p0*", "&nudge:{p1[0-8]*", "&nudge:{p19[0-8]*")
	ours := standalone(server.Addr)
	ours.Username, ours.Password, ours.Routine = "gateway", "right", time.Second // so often it asks again
	s.fault(func() { s.open(ours, standalone(server.Socket)) })
	_ = s.app.publish(forbidden)
	if !s.crowd.all(func(st *stream) bool { return st.projects[0] != forbidden || waits(st) }) {
		s.Error("not every stream was told that it waits for what is forbidden")
	}
	s.repair(func() { server.Do("ACL", "SETUSER", "gateway", "&"+channel(forbidden)) })
	_ = s.app.publish(forbidden)
	s.wait("refusal in the log", 5*prompt, func() bool { return s.logged("redis refuses a subscription", "project="+forbidden) > 0 })
}

func waits(s *stream) bool {
	var waiting bool
	for _, e := range s.said {
		if e.event == hello {
			waiting = len(e.waiting) == 1 && e.waiting[0] == forbidden
		}
	}
	return waiting
}
