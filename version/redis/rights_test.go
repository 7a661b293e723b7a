//go:build unix

package redis_test

import (
	"context"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/control"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// gatewayRule is what docs/redis.md lets a gateway do, as ACL SETUSER nudge takes it.
func gatewayRule(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^ACL SETUSER nudge (.*)$`).FindSubmatch(text)
	if found == nil {
		t.Fatal("docs/redis.md has no line of the form ACL SETUSER nudge …")
	}
	return strings.Fields(string(found[1]))
}

// tryRights does all that a gateway does, as a user with these rights, and returns the first complaint.
func tryRights(t *testing.T, server *redistest.Server, rule []string) (complaint string) {
	allow(server, rule)
	server.Do("SCRIPT", "FLUSH")
	server.Do("FLUSHALL")
	server.Do("SET", "nudge:{stored}", "7")
	server.Do("HSET", "nudge:control", "revoke:garbage", "x") // to be cleared away

	var log lockedBuffer
	s, evidence := newSource(t)
	src, err := redis.New(s.Board, redis.Options{
		Addrs: []string{server.Socket}, Access: redis.Access{Username: "nudge", Password: "SECRET"}, Probe: 50 * time.Millisecond,
		Host: version.Host{Evidence: evidence}, Control: func(control.Entries) {},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s.Source = src
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- src.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	stored, other := project(t, "stored"), project(t, "other")
	s.Watch(stored)
	s.Watch(other)
	limit := time.After(patience)
	for step := 0; ; {
		for line := range strings.Lines(log.String()) {
			if !strings.Contains(line, "cannot be read, and is ignored") && !strings.Contains(line, "connecting again") {
				return line // and not what is done to it here
			}
		}
		select {
		case lost := <-s.losses:
			return lost.err.Error()
		case <-s.Changed():
			s.Take(nil)
		case <-s.echoes:
		case <-limit:
			t.Fatalf("nothing goes, and nobody complains: %v", rule)
		}
		switch {
		case step == 0 && s.State(stored).Version == 7 && s.State(other).Listening:
			if _, err := src.SetFlag(ctx, &control.Override{}); err != nil { // clears the garbage away
				return err.Error()
			}
			if _, err := src.Publish(ctx, []version.News{{Project: other, Version: 1}, {Project: stored, Version: 8}}); err != nil {
				return err.Error()
			}
			server.Do("HSET", "nudge:shadow", "gone", "x") // to be deleted
			if _, err := src.ExchangeShadow(ctx, "x", time.Hour); err != nil {
				return err.Error()
			}
			s.Forget(stored)
			step = 1
		case step == 1 && s.State(other).Version == 1:
			server.Do("DEL", "nudge:control")
			server.Do("SET", "nudge:control", "x") // another type, to be overwritten
			if _, err := src.SetFlag(ctx, nil); err != nil {
				return err.Error()
			}
			if _, err := src.Revoke(ctx, control.Revocation{ID: "1", Until: time.Now().Add(time.Hour)}); err != nil {
				return err.Error()
			}
			server.Do("CLIENT", "KILL", "TYPE", "pubsub")
			step = 2
		case step == 2 && s.State(other).Listening && src.Stats().Gaps > 0:
			return ""
		}
	}
}

// The rights in docs/redis.md are enough for all that a gateway does, and whoever leaves one out is told so.
func TestRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rule := gatewayRule(t)
	if complaint := tryRights(t, server, rule); complaint != "" {
		t.Fatalf("with all rights: %s", complaint)
	}
	tried := 0
	for i, word := range rule {
		if !strings.ContainsAny(word[:1], "+~&") {
			continue
		}
		tried++
		complaint := tryRights(t, server, slices.Delete(slices.Clone(rule), i, i+1))
		if !strings.Contains(complaint, "NOPERM") && !strings.Contains(complaint, "The user executing the script can't") {
			t.Errorf("without %s: %q, want a complaint about rights", word, complaint)
		}
	}
	if tried != len(rule)-3 {
		t.Errorf("%d of the words %v are no rights", len(rule)-tried, rule)
	}
}
