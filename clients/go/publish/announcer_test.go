//go:build unix

package publish_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/publish"
	"nudge/internal/secrettest"
	"nudge/version"
	"nudge/version/redistest"
)

// An announcement after the commit fails nothing: not for a request that was given up, nor a wrong id, nor without Redis.
func TestAnnouncer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
	defer client.Close()
	var log bytes.Buffer
	a := publish.To(client, publish.Options{}).Announcer(slog.New(slog.NewTextHandler(&log, nil)))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if !a.Announce(ended, "42", 1) || a.Announce(ended, "42", 1) || server.Do("GET", "nudge:{42}") != "1" || log.Len() > 0 {
		t.Errorf("a request that was given up: %s", &log)
	}
	if a.Announce(t.Context(), "größe", 1) || !strings.Contains(log.String(), "größe") {
		t.Errorf("a wrong id: %s", &log)
	}
	log.Reset()
	server.Kill()
	if a.Announce(t.Context(), "42", 2) || a.Announce(t.Context(), "42", 3) || strings.Count(log.String(), "not announced") != 2 || !strings.Contains(log.String(), "is not asked") {
		t.Errorf("without Redis: %s", &log)
	}
}

// An advance that breaks a rule, and a key that Redis refuses, keep no other from being announced: neither beside it nor after it.
func TestAnnouncerGoesOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "half", "on", ">"+secrettest.Marker, "+@all", "~nudge:{a}", "~nudge:{b}", "&*")
	client := client(t, server, func(o *redis.Options) { o.Username, o.Password = "half", secrettest.Marker })
	var log bytes.Buffer
	a := publish.To(client, publish.Options{}).Announcer(slog.New(slog.NewTextHandler(&log, nil)))
	prev := version.Version(1)
	n := a.AnnounceNews(t.Context(),
		version.News{Project: project(t, "a"), Version: 2, Prev: &prev, Data: []byte("{")}, // without its data it is news
		version.News{Project: project(t, "b"), Version: -1},
		version.News{Project: project(t, "denied"), Version: 5},
		version.News{Project: project(t, "b"), Version: 1})
	if n != 2 || server.Do("GET", "nudge:{a}") != "2" || server.Do("GET", "nudge:{b}") != "1" {
		t.Errorf("%d announced", n)
	}
	if !a.Announce(t.Context(), "a", 3) {
		t.Error("Redis works, and was not asked")
	}
	for _, want := range []string{"project=a version=2", "project=b version=-1", "project=denied version=5", "docs/publishing.md#rights-in-redis"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Count(log.String(), "\n") != 3 {
		t.Errorf("log:\n%s", &log)
	}
	secrettest.Check(t, "the log", log.String())
	publish.To(client, publish.Options{}).Announcer(nil).Announce(t.Context(), "a b", 1) // logs to slog.Default()
}
