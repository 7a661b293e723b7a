//go:build unix

package publish_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nudge/version/publish"
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
