//go:build unix

package redis_test

import (
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// A new password is for new connections. Those that are open stay open, so no news is missed.
func TestNewPasswordDropsNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "nudge", "on", ">old", "+@all", "~*", "&*")
	s := redisSource(t, server, func(o *redis.Options) { o.Username, o.Password = "nudge", "old" })
	p := project(t, "42")
	s.Watch(p)
	wait(t, "an echo", s.echoes)
	gaps := s.Stats().Gaps

	server.Do("ACL", "SETUSER", "nudge", "resetpass", ">new")
	s.Source.(*redis.Source).SetAccess(redis.Access{Username: "nudge", Password: "new"})
	changed := time.Now()
	for !wait(t, "an echo of a probe that knows the new password", s.echoes).After(changed) {
	}
	s.publish(1, 0, version.News{Project: p, Version: 7})
	s.untilVersion(p, 7)
	if got := s.Stats().Gaps; got != gaps {
		t.Errorf("%d gaps, want %d: the subscription was dropped", got, gaps)
	}

	server.Do("ACL", "SETUSER", "nudge", "resetpass", ">newest") // and nobody tells the source
	if got := wait(t, "the loss", s.losses); got.fault != version.FaultAuth {
		t.Errorf("lost for %q (%v), want %q", got.fault, got.err, version.FaultAuth)
	}
	s.Source.(*redis.Source).SetAccess(redis.Access{Username: "nudge", Password: "newest"})
	changed = time.Now()
	for !wait(t, "an echo of a probe that knows the newest password", s.echoes).After(changed) {
	}
}
