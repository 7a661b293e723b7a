//go:build unix

package version_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/version"
	"nudge/version/redistest"
)

// Gateways hear one another, and themselves; whoever only listens is none, and garbage is nobody.
func TestRedisPeers(t *testing.T) {
	server := redistest.Start(t)
	var mu sync.Mutex
	heard := map[string]map[version.Peer]bool{} // by the instance that heard
	gateway := func(instance string, self *version.Peer, log *lockedBuffer) *source {
		return redisSource(t, server, func(o *version.RedisOptions) {
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
	one := version.Peer{Node: "gw", Nudge: "1.0", Streams: 7, Push: "healthy"}
	two := version.Peer{Node: "gw", Nudge: "1.1", Push: "down", Leaving: true} // two may share a name
	var log lockedBuffer
	all := []*source{gateway("aaaa", &one, &log), gateway("bbbb", &two, &log), gateway("cccc", nil, &log)}
	for _, garbage := range []string{
		"", "x", "-1", "{}", `{"version":1}`, `{"version":1,"instance":"other","streams":1}`, `{"version":1,"instance":"zzzz","streams":-1}`,
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
	one.Instance, two.Instance = "aaaa", "bbbb"
	fleet := map[version.Peer]bool{one: true, two: true}
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
