//go:build unix

package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// Gateways hear one another, and themselves; whoever only listens is none, and garbage is nobody.
func TestRedisPeers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	compareMessages(t, server, "nudge:probe:zzzz")
	var mu sync.Mutex
	heard := map[string]map[version.Peer]bool{} // by the instance that heard
	gateway := func(instance string, self *version.Peer, log *lockedBuffer) *source {
		return redisSource(t, server, func(o *redis.Options) {
			o.Instance, o.Probe = instance, 20*time.Millisecond
			o.Log = slog.New(slog.NewTextHandler(log, nil))
			if self != nil {
				o.Host.Self = func() version.Peer { return *self }
			}
			o.Host.Peer = func(p version.Peer) {
				mu.Lock()
				defer mu.Unlock()
				if heard[instance] == nil {
					heard[instance] = map[version.Peer]bool{}
				}
				heard[instance][p] = true
			}
		})
	}
	one := version.Peer{Node: "gw", Nudge: "1.0", Streams: 7, Polling: 3, Step: 2, Push: "healthy"}
	two := version.Peer{Node: "gw", Nudge: "1.1", Push: "down", Leaving: true} // two may share a name
	var log lockedBuffer
	all := []*source{gateway("aaaa", &one, &log), gateway("bbbb", &two, &log), gateway("cccc", nil, &log)}
	for _, garbage := range []string{
		"", "x", "-1", "{}", `{"version":1}`, `{"version":1,"instance":"other","streams":1}`, `{"version":1,"instance":"zzzz","streams":-1}`, `{"version":1,"instance":"zzzz","polling":-1}`, `{"version":1,"instance":"zzzz","step":-1}`,
		`{"version":1,"instance":"zzzz","node":"a\nb"}`, `{"version":1,"instance":"zzzz","node":"` + strings.Repeat("n", 200) + `"}`,
		`{"version":1,"instance":"zzzz","node":"\u001b[31mred"}`, strings.Repeat("9", 1<<20), `[1]`,
	} {
		server.Do("PUBLISH", "nudge:probe:zzzz", garbage)
	}
	for range 20 {
		for i, s := range all {
			wait(t, fmt.Sprintf("an echo at %d", i), s.echoes)
		}
	}
	first, second := one, two // they are still being said
	first.Instance, second.Instance = "aaaa", "bbbb"
	fleet := map[version.Peer]bool{first: true, second: true}
	mu.Lock()
	defer mu.Unlock()
	for _, instance := range []string{"aaaa", "bbbb", "cccc"} {
		if d := cmp.Diff(fleet, heard[instance]); d != "" {
			t.Errorf("%s: %s", instance, d)
		}
	}
	if n := strings.Count(log.String(), "probe ignored"); n != len(all) {
		t.Errorf("%d lines about garbage, want one from each:\n%s", n, log.String())
	}
}

// A gateway that ends before its next probe is due has said that it leaves.
func TestRedisFarewell(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	heard := make(chan version.Peer, 1)
	s := redisSource(t, server, func(o *redis.Options) {
		o.Host.Peer = func(p version.Peer) {
			if p.Instance == "leaver" {
				overwrite(heard, p)
			}
		}
	})
	wait(t, "an echo", s.echoes)
	var leaving atomic.Bool
	echo := make(chan time.Time, 1)
	leaver, err := redis.New(version.NewBoard(), redis.Options{
		Addrs: []string{server.Socket}, Instance: "leaver", Probe: time.Hour,
		Host: version.Host{
			Evidence: version.Evidence{Echo: func(sent time.Time) { overwrite(echo, sent) }},
			Self: func() version.Peer {
				return version.Peer{Node: "gw", Nudge: "1", Push: "healthy", Leaving: leaving.Load()}
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer leaver.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- leaver.Run(ctx) }()
	wait(t, "its echo", echo)
	if p := wait(t, "its probe", heard); p.Leaving {
		t.Error("it leaves before it was told to")
	}
	leaving.Store(true)
	cancel()
	if err := wait(t, "its end", ended); err != nil {
		t.Error(err)
	}
	if p := wait(t, "its last probe", heard); !p.Leaving {
		t.Error("it did not say that it leaves")
	}
}

// An application that ticks is heard; what is no tick is not one.
func TestRedisTick(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ticks := make(chan struct{}, 10)
	s := redisSource(t, server, func(o *redis.Options) { o.Host.Tick = func() { ticks <- struct{}{} } })
	wait(t, "an echo", s.echoes)
	for _, text := range []string{"", "tock", "-1", `{"version":1}`, "7"} {
		if text == "7" {
			compareMessages(t, server)
		}
		server.Do("PUBLISH", "nudge:tick", text)
	}
	wait(t, "a tick", ticks)
	wait(t, "an echo", s.echoes)
	if n := len(ticks); n > 0 {
		t.Errorf("%d more than one tick", n)
	}
}
