//go:build unix

package redis_test

import (
	"testing"

	"nudge/internal/secrettest"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// A right that is missing is named as such, also where the script runs into it: Redis 7.0 has other words for that.
func TestRedisMissingRights(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"-set", "-eval", "resetchannels"} {
		t.Run(missing, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			server.Do("ACL", "SETUSER", "nudge", "on", ">"+secrettest.Marker, "+@all", "~*", "&*", missing)
			s := redisSource(t, server, func(o *redis.Options) { o.Username, o.Password = "nudge", secrettest.Marker })
			if got := wait(t, "the loss", s.losses); got.fault != version.FaultNoPerm {
				t.Errorf("lost for %q (%v), want %q", got.fault, got.err, version.FaultNoPerm)
			}
		})
	}
}
