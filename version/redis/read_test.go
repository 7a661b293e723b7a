//go:build unix

package redis_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// A key that is read out of turn is news like any other, to those who watch.
func TestRedisReadIsNews(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, nil) // its routine reads come once a minute
	p := project(t, "42")
	s.Watch(p)
	s.publish(1, 0, version.News{Project: p, Version: 10})
	s.untilVersion(p, 10)
	server.Do("SET", channel(p), "12") // set, but never published
	s.reads(p, version.Key{Version: 12, Known: true})
	if got := s.State(p); got.Version != 12 {
		t.Errorf("after the read %+v is believed", got)
	}
	s.untilVersion(p, 12)
}

// However many ask, Redis is asked in few commands, and never more often than 20 times a second.
func TestRedisReadsTogether(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, func(o *redis.Options) { o.Probe = time.Minute })
	p := project(t, "42")
	server.Do("SET", channel(p), "7")
	s.reads(p, version.Key{Version: 7, Known: true})
	before, begun := infos(t, server), time.Now()
	var all sync.WaitGroup
	for range 600 {
		all.Go(func() { s.reads(p, version.Key{Version: 7, Known: true}) })
	}
	all.Wait()
	most := 2 + int(time.Since(begun)/(50*time.Millisecond)) // each pipeline has one INFO
	if got := infos(t, server) - before; got > most {
		t.Errorf("600 reads took %d pipelines; %d is the most for that time", got, most)
	}
}

// infos counts the INFO commands that a server took.
func infos(t *testing.T, server *redistest.Server) int {
	t.Helper()
	for line := range strings.Lines(server.Do("INFO", "commandstats").(string)) {
		if rest, ok := strings.CutPrefix(line, "cmdstat_info:calls="); ok {
			calls, _, _ := strings.Cut(rest, ",")
			n, err := strconv.Atoi(calls)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

func TestRedisReadWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	wait(t, "an echo", s.echoes)
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if key, err := s.Read(ctx, project(t, "42")); !errors.Is(err, version.ErrUnavailable) {
		t.Errorf("%+v, %v", key, err)
	}
	// Nobody answers: what is asked beyond measure is refused at once.
	gone, leave := context.WithCancel(t.Context())
	leave()
	var err error
	for range 2000 {
		if _, err = s.Read(gone, project(t, "42")); err != nil && strings.Contains(err.Error(), "asked for already") {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "asked for already") {
		t.Errorf("the last of 2,000 got %v", err)
	}
	server.Start()
	for begun := time.Now(); err != nil; { // until those that nobody waits for any more have been read
		if _, err = s.Read(t.Context(), project(t, "42")); time.Since(begun) > patience {
			t.Fatal(err)
		}
	}
}
