//go:build unix

package redis_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// exchange exchanges what the gateway with this source says, and returns what the others say, in order.
func exchange(t *testing.T, r *redis.Source, text string, keep time.Duration) []string {
	t.Helper()
	others, err := r.ExchangeShadow(t.Context(), text, keep)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(others)
	return others
}

func TestShadowIsShared(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b, idle := admin(t, server), admin(t, server), admin(t, server)
	if others := exchange(t, a, "a1", time.Hour); len(others) > 0 {
		t.Error(others)
	}
	exchange(t, a, "a 2", time.Hour)
	if others := exchange(t, b, "b1", time.Hour); !slices.Equal(others, []string{"a 2"}) {
		t.Error(others)
	}
	if others := exchange(t, a, "", time.Hour); !slices.Equal(others, []string{"b1"}) {
		t.Error(others)
	}
	if others := exchange(t, idle, "", time.Hour); !slices.Equal(others, []string{"a 2", "b1"}) {
		t.Error(others)
	}
	server.Do("HSET", "nudge:shadow", "gone", "1 x", "garbage", "{}")
	if others := exchange(t, idle, "", time.Hour); len(others) != 2 {
		t.Error(others)
	}
	if n := server.Do("HLEN", "nudge:shadow"); n != int64(2) {
		t.Errorf("%v fields: those of gateways that are gone are still there", n)
	}
}

func TestShadowIsNotShared(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := admin(t, server)
	refused := func(fix string) {
		t.Helper()
		if _, err := a.ExchangeShadow(t.Context(), "a", time.Hour); !errors.Is(err, version.ErrUnavailable) || !strings.Contains(err.Error(), fix) {
			t.Errorf("%v, want %q", err, fix)
		}
	}
	server.Do("EVAL", `for i = 1, 4001 do redis.call('HSET', KEYS[1], i, 'x') end`, "1", "nudge:shadow")
	refused("DEL it")
	server.Do("SET", "nudge:shadow", "x")
	refused("WRONGTYPE")
	server.Kill()
	refused("refused")
}
