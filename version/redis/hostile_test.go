//go:build unix

package redis_test

import (
	"log/slog"
	"strings"
	"testing"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// Whatever somebody who may write to Redis sends to any channel or key: each project gets its next news, the log has short
// lines, and memory is not filled.
func TestRedisHostileMessages(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var log lockedBuffer
	s := redisSource(t, server, func(o *redis.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	target, bystander := project(t, "42"), project(t, "7")
	for _, p := range []version.Project{target, bystander} {
		s.Watch(p)
		s.untilUnknown(p)
	}
	deep := strings.Repeat("[", 16_000) + strings.Repeat("]", 16_000)
	refused := []string{ // none of these is news
		"9007199254740992", "9007199254740993", "18446744073709551617", "1e3", "NaN", "Infinity", "0x10", "-0", "1\x00", "\x00", "\xff\xfe1", "\u0661",
		`{"version":9007199254740993}`, `{"version":NaN}`, `{"version":-1}`, `{"version":1e3}`, `{"version":[1]}`, `{"version":{}}`, `{"VERSION":9}`, `{"v\u0000ersion":9}`,
		`{"version":9,"x":` + deep + `}`, `{"version":9,"x":"` + "\xff" + `"}`, `{"version":9,"writer":"` + "\xff" + `"}`, `{"version":9`, `{"version":9}{"version":9}`, "[9]", "null",
		strings.Repeat("9", 1<<20), `{"version":9,"data":"` + strings.Repeat("x", 64<<10) + `"}`, strings.Repeat("{", 30_000),
	}
	for _, message := range refused {
		server.Do("PUBLISH", channel(target), message)
	}
	for _, name := range []string{"nudge:probe:x", "nudge:probe:", "nudge:control", "nudge:tick"} {
		for _, message := range append(refused, "9") {
			server.Do("PUBLISH", name, message)
		}
	}
	server.Do("HSET", "nudge:control", "flag", "\xff\x00\r\n", "revoke:\r\n\x1b[31m", deep, "x\x00", "y")
	server.Do("PUBLISH", "nudge:control", "\r\n")
	server.Do("PUBLISH", channel(target), "10")
	if c := s.untilVersion(target, 10); c.Reset {
		t.Errorf("%+v", c)
	}

	// What is longer than Redis keeps for a subscriber ends the subscription: a gap, after which news comes again.
	server.Do("PUBLISH", channel(bystander), "10")
	s.untilVersion(bystander, 10)
	server.Do("PUBLISH", channel(target), strings.Repeat("9", 40<<20))
	for _, p := range []version.Project{target, bystander} {
		s.untilUnknown(p)
		s.publish(1, 0, version.News{Project: p, Version: 11})
		s.untilVersion(p, 11)
	}
	server.Do("SET", channel(bystander), strings.Repeat("9", 4<<20)) // a key like this is none
	if key, err := s.Read(t.Context(), bystander); err != nil || key.Known {
		t.Errorf("a key of 4 MiB is %+v, %v", key, err)
	}
	for line := range strings.Lines(log.String()) {
		if len(line) > 1<<10 || strings.ContainsAny(line[:len(line)-1], "\x00\r\n\x1b") {
			t.Errorf("a line of the log: %.300q", line)
		}
	}
}
