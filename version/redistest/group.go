//go:build unix

package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Group is a master with two replicas, and three Sentinels that watch them.
type Group struct {
	Name      string    // of the master among the Sentinels
	Servers   []*Server // the first is the master in the beginning
	Sentinels []*Server
}

// StartGroup starts a group that gives a silent master up after a second. See [Start] for the rest.
func StartGroup(t testing.TB, flags ...string) *Group {
	t.Helper()
	g := &Group{Name: "nudge"}
	for range 3 {
		g.Servers = append(g.Servers, prepare(t, flags...))
		g.Sentinels = append(g.Sentinels, prepare(t))
	}
	startAll(t, g.Servers...)
	for _, replica := range g.Servers[1:] {
		replica.Follow(g.Servers[0])
	}
	for i, s := range g.Sentinels {
		s.sentinel(t, g, i)
	}
	startAll(t, g.Sentinels...)
	for _, s := range g.Sentinels {
		Until(t, "Sentinel that knows its group", func() bool {
			return strings.Contains(s.Info("master0"), "status=ok") &&
				strings.Contains(s.Info("master0"), "slaves=2,sentinels=3")
		})
	}
	return g
}

// sentinel makes s the i-th Sentinel of g. It is told of the others, since it would be seconds before they met.
func (s *Server) sentinel(t testing.TB, g *Group, i int) {
	t.Helper()
	id := func(i int) string { return strings.Repeat(fmt.Sprint(i+1), 40) }
	var b strings.Builder
	fmt.Fprintf(&b, "port %s\nbind 127.0.0.1\nunixsocket %s\ndir %s\n", s.port, s.Socket, s.Dir)
	fmt.Fprintf(&b, "sentinel myid %s\nsentinel monitor %s 127.0.0.1 %s 2\n", id(i), g.Name, g.Servers[0].port)
	fmt.Fprintf(&b, "sentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 6000\n", g.Name)
	fmt.Fprintf(&b, "sentinel parallel-syncs %s 2\n", g.Name)
	for _, replica := range g.Servers[1:] {
		fmt.Fprintf(&b, "sentinel known-replica %s 127.0.0.1 %s\n", g.Name, replica.port)
	}
	for j, other := range g.Sentinels {
		if j != i {
			fmt.Fprintf(&b, "sentinel known-sentinel %s 127.0.0.1 %s %s\n", g.Name, other.port, id(j))
		}
	}
	config := filepath.Join(s.Dir, "sentinel.conf")
	if err := os.WriteFile(config, []byte(b.String()), 0o600); err != nil { // it writes there what it learns
		t.Fatal(err)
	}
	s.args, s.ready = []string{config, "--sentinel"}, "+monitor master"
}

// Addrs are the addresses of the Sentinels.
func (g *Group) Addrs() []string { return addrs(g.Sentinels) }

// Master is the server that the first Sentinel which answers takes for the master; nil: none answers.
func (g *Group) Master() *Server {
	for _, s := range g.Sentinels {
		got, err := s.Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", g.Name)
		pair, ok := got.([]any)
		if err != nil || !ok || len(pair) != 2 {
			continue
		}
		for _, server := range g.Servers {
			if server.port == pair[1] {
				return server
			}
		}
	}
	return nil
}

// Failover makes the Sentinels promote a replica though the master is well. It does not wait.
func (g *Group) Failover() { g.Sentinels[0].Do("SENTINEL", "FAILOVER", g.Name) }

func addrs(servers []*Server) []string {
	all := make([]string, len(servers))
	for i, s := range servers {
		all[i] = s.Addr
	}
	return all
}
