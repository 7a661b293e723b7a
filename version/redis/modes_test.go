//go:build unix

package redis_test

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"nudge/internal/secrettest"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// documented is what follows in docs/redis.md, in code, after the words of its table of further rights.
func documented(t *testing.T, words string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^\\| " + words + " \\| `(?:ACL SETUSER nudge )?(.*?)` \\|").FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/redis.md does not say what is needed for: %s", words)
	}
	return strings.Fields(strings.ReplaceAll(string(found[1]), `\|`, "|"))
}

// allow makes the user that the document makes.
func allow(server *redistest.Server, rule []string) {
	args := []any{"ACL", "SETUSER", "nudge", "reset"}
	for _, word := range rule {
		args = append(args, word)
	}
	server.Do(args...)
}

// The master that Sentinels name is listened to, whichever it is, by users with no more rights than they need.
func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	g := redistest.StartGroup(t)
	for _, s := range g.Servers {
		allow(s, gatewayRule(t))
	}
	rule := documented(t, "the Sentinels' own user")
	for _, s := range g.Sentinels {
		allow(s, rule)
	}
	options := func(o *redis.Options) {
		o.Mode, o.Addrs, o.Master = redis.Sentinel, g.Addrs(), g.Name
		o.Username, o.Password = "nudge", "SECRET"
		o.SentinelUsername, o.SentinelPassword = "nudge", "SECRET"
	}
	s := redisSource(t, g.Servers[0], options)
	p := project(t, "42")
	s.Watch(p)
	s.publish(1, 0, version.News{Project: p, Version: 7})
	s.untilVersion(p, 7)
	wait(t, "an echo", s.echoes)

	g.Failover()
	s.untilUnknown(p) // the new master may not have had everything
	s.publish(1, 0, version.News{Project: p, Version: 8})
	s.untilVersion(p, 8)
	if got := g.Master().Do("GET", channel(p)); got != "8" {
		t.Errorf("the new master's key holds %v", got)
	}

	for name, c := range map[string]struct {
		spoil func(*redis.Options)
		fault version.Fault
		mend  string
	}{
		"a wrong password of the Sentinels": {func(o *redis.Options) { o.SentinelPassword = "wrong " + secrettest.Marker }, version.FaultAuth, "redis.sentinel_password"},
		"a wrong password of the servers":   {func(o *redis.Options) { o.Password = "wrong " + secrettest.Marker }, version.FaultAuth, "redis.password"},
		"a master that they do not know":    {func(o *redis.Options) { o.Master = "other" }, version.FaultConnection, "redis.master"},
		"no Sentinel":                       {func(o *redis.Options) { o.Addrs = []string{g.Servers[1].Addr} }, version.FaultConnection, "redis.mode"},
		"most of them away": {func(o *redis.Options) {
			o.Addrs = []string{g.Sentinels[0].Addr, "127.0.0.1:1", "127.0.0.1:2"}
		}, version.FaultConnection, "redis.addrs"},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			s := redisSource(t, g.Servers[0], func(o *redis.Options) {
				options(o)
				c.spoil(o)
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
			})
			if lost := wait(t, "the loss", s.losses); lost.fault != c.fault || !strings.Contains(log.String(), c.mend) {
				t.Errorf("lost with %v, want %s and the mend %s:\n%s", lost, c.fault, c.mend, log.String())
			}
		})
	}
}

// Each key is read from the master that serves it, news comes from all, and slots that move interrupt nothing.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	rule := append(gatewayRule(t), documented(t, "Cluster, on every node")...)
	for _, n := range c.Nodes {
		allow(n, rule)
	}
	s := redisSource(t, c.Nodes[0], func(o *redis.Options) {
		o.Mode, o.Addrs = redis.Cluster, c.Addrs()[:1]
		o.Username, o.Password = "nudge", "SECRET"
	})
	const n = 60
	var news []version.News
	for i := range n {
		p := project(t, fmt.Sprint("p", i))
		news = append(news, version.News{Project: p, Version: 1})
		if i%2 == 0 {
			c.Master(c.Slot(channel(p))).Do("SET", channel(p), 10)
		}
		s.Watch(p)
	}
	for i, one := range news {
		if i%2 == 0 {
			s.untilVersion(one.Project, 10)
		} else {
			s.untilUnknown(one.Project)
		}
	}
	s.publish(n/2, n/2, news...)
	for i, one := range news {
		if i%2 == 1 {
			s.untilVersion(one.Project, 1)
		}
	}
	wait(t, "an echo", s.echoes)

	moving := news[0].Project
	slot := c.Slot(channel(moving))
	to := c.Nodes[0]
	if c.Master(slot) == to {
		to = c.Nodes[1]
	}
	c.Migrate(slot, to)
	s.publish(1, 0, version.News{Project: moving, Version: 11})
	s.untilVersion(moving, 11)
	if got := to.Do("GET", channel(moving)); got != "11" {
		t.Errorf("where the slot went, the key holds %v", got)
	}
	for len(s.echoes) > 0 {
		<-s.echoes
	}
	wait(t, "an echo", s.echoes)
	if got := s.Stats().Gaps; got != 0 {
		t.Errorf("%d gaps, want none", got)
	}
}

// A Redis of another kind than redis.mode says is told apart from one that is away.
func TestRedisOfAnotherKind(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	node := redistest.Start(t, "--cluster-enabled", "yes")
	node.Do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	for name, c := range map[string]struct {
		mode redis.Mode
		addr string
	}{
		"a server for a Cluster":   {redis.Cluster, server.Addr},
		"a server for a Sentinel":  {redis.Sentinel, server.Addr},
		"a Cluster for a Sentinel": {redis.Sentinel, node.Addr},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			s := redisSource(t, server, func(o *redis.Options) {
				o.Mode, o.Addrs, o.Master = c.mode, []string{c.addr}, "nudge"
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
			})
			wait(t, "the loss", s.losses)
			if !strings.Contains(log.String(), "redis.mode") {
				t.Errorf("the log does not point at redis.mode:\n%s", log.String())
			}
		})
	}
}
