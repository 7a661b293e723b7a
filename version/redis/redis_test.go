//go:build unix

package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nudge/internal/secrettest"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

func TestMain(m *testing.M) {
	redis.Quiet()
	goleak.VerifyTestMain(m, goleak.Cleanup(promised))
}

func channel(p version.Project) string { return "nudge:{" + p.String() + "}" }

// An application that only publishes.
func TestRedisBarePublish(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	p := project(t, "42")
	s.Watch(p)
	s.untilUnknown(p)
	server.Do("PUBLISH", channel(p), "124")
	s.untilVersion(p, 124)
	server.Do("PUBLISH", channel(p), ` {"version":125,"writer":"w"} `)
	s.untilVersion(p, 125)
	for _, garbage := range []string{"", "x", "-1", "126.0", "{", `{"version":"126.0"}`, strings.Repeat("9", 1<<20)} {
		server.Do("PUBLISH", channel(p), garbage)
	}
	server.Do("PUBLISH", channel(p), "126")
	s.untilVersion(p, 126)
	if got := s.Stats(); got.Malformed != 7 || got.Messages != 10 {
		t.Errorf("stats %+v, want 10 messages of which 7 malformed", got)
	}
}

// What is in a key and is no version counts as no key, for readers and for the script.
func TestRedisStrangeKeys(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	for i, set := range [][]any{
		{"SET", "", "abc"},
		{"SET", "", "007"},
		{"SET", "", "-5"},
		{"SET", "", "1.5"},
		{"SET", "", ""},
		{"SET", "", "9007199254740992"},
		{"SET", "", strings.Repeat("1", 100)},
		{"SADD", "", "7"},
		{"HSET", "", "f", "7"},
	} {
		p := project(t, fmt.Sprint("p", i))
		set[1] = channel(p)
		server.Do(set...)
		s.Watch(p)
		s.untilUnknown(p)
		s.publish(1, 0, version.News{Project: p, Version: 3})
		s.untilVersion(p, 3)
		if got := server.Do("GET", channel(p)); got != "3" {
			t.Errorf("%v: the key holds %v after publishing 3", set, got)
		}
	}
}

func TestRedisSubscribesOnlyToWhatIsUsed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, func(o *redis.Options) { o.Instance = "gw" })
	p, q := project(t, "42"), project(t, "7")
	s.Watch(p)
	s.Watch(q)
	s.untilUnknown(p)
	s.Forget(p)
	// Unsubscribing has no event of its own here: another subscription behind it is answered after it.
	r := project(t, "8")
	s.Watch(r)
	s.untilUnknown(r)
	wait(t, "an echo", s.echoes) // the probe has written its key
	want := "[nudge:control nudge:tick nudge:{7} nudge:{8}]"
	got := server.Do("PUBSUB", "CHANNELS", "*").([]any)
	names := map[string]bool{}
	for _, g := range got {
		names[g.(string)] = true
	}
	if len(got) != 4 || !names["nudge:control"] || !names["nudge:tick"] || !names["nudge:{7}"] || !names["nudge:{8}"] {
		t.Errorf("channels %v, want %v", got, want)
	}
	if ttl := server.Do("TTL", "nudge:probe:gw").(int64); ttl <= 0 || ttl > 60 {
		t.Errorf("the probe's key expires in %d s, want 1 to 60", ttl)
	}
}

func TestRedisManyProjects(t *testing.T) {
	t.Parallel()
	const n = 5000
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	want := map[version.Project]bool{}
	for i := range n {
		p := project(t, fmt.Sprint(i))
		if i%2 == 0 {
			server.Do("SET", channel(p), i)
		}
		want[p] = true
	}
	for p := range want {
		s.Watch(p)
	}
	limit := time.After(patience)
	var buf []version.Change
	for len(want) > 0 {
		select {
		case <-s.Changed():
		case <-limit:
			t.Fatalf("%d of %d projects are not listened for", len(want), n)
		}
		buf = s.Take(buf[:0])
		for _, c := range buf {
			if c.Listening {
				delete(want, c.Project)
			}
		}
	}
}

// A killed server is admitted at once; a new one is listened to, and what was believed is not vouched for.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	p := project(t, "42")
	s.Watch(p)
	s.publish(1, 0, version.News{Project: p, Version: 124})
	s.untilVersion(p, 124)

	server.Kill()
	if lost := wait(t, "the loss", s.losses); !strings.Contains(lost.err.Error(), server.Socket) || lost.fault != version.FaultConnection {
		t.Errorf("lost with %v, which does not name the server", lost)
	}
	if s.State(p).Listening {
		t.Error("still listening to a dead server")
	}
	if _, err := s.Publish(t.Context(), []version.News{{Project: p, Version: 125}}); !errors.Is(err, version.ErrUnavailable) {
		t.Errorf("Publish: %v, want ErrUnavailable", err)
	}
	server.Start()
	if c := s.untilUnknown(p); c.Era != 1 {
		t.Errorf("era %d, want 1", c.Era)
	}
	wait(t, "an echo", s.echoes)
	s.publish(1, 0, version.News{Project: p, Version: 126}) // the script is not in the new server's cache
	s.untilVersion(p, 126)
	if s.Stats().Gaps == 0 {
		t.Error("no gap was counted")
	}
}

// A connection that is cut costs nothing where the key proves that nothing was lost.
func TestRedisConnectionCut(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	stored, bare := project(t, "stored"), project(t, "bare")
	s.Watch(stored)
	s.Watch(bare)
	s.untilUnknown(bare)
	s.publish(1, 0, version.News{Project: stored, Version: 10})
	server.Do("PUBLISH", channel(bare), "10")
	s.untilVersion(stored, 10)
	s.untilVersion(bare, 10)

	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	s.untilUnknown(bare) // nobody can tell what was published meanwhile
	s.until(stored, func(c version.Change) bool { return c.Listening })
	if got := s.State(stored); got != (version.State{Listening: true, Known: true, Version: 10}) {
		t.Errorf("the stored project is %+v, want 10 in the same era", got)
	}
	select {
	case err := <-s.losses:
		t.Errorf("a cut of a moment was told as a loss: %v", err)
	default:
	}
}

// A frozen server closes nothing: only the probe can tell.
func TestRedisFrozen(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	p := project(t, "42")
	s.Watch(p)
	s.publish(1, 0, version.News{Project: p, Version: 1})
	s.untilVersion(p, 1)
	server.Freeze()
	wait(t, "the loss", s.losses) // it is given up, and no new connection is answered
	server.Thaw()
	s.until(p, func(c version.Change) bool { return c.Listening && c.Known && c.Version == 1 && c.Era == 0 })
	for len(s.echoes) > 0 {
		<-s.echoes
	}
	wait(t, "an echo", s.echoes)
}

// A subscription that is refused for one project silences no other.
func TestRedisRefusedSubscription(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "nudge", "on", ">"+secrettest.Marker, "+@all", "~*", "resetchannels", "&nudge:probe:*", "&nudge:control", "&nudge:tick", "&nudge:{a}", "&nudge:{c}")
	var log lockedBuffer
	s := redisSource(t, server, func(o *redis.Options) {
		o.Username, o.Password = "nudge", secrettest.Marker
		o.Routine = 200 * time.Millisecond
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	wait(t, "an echo", s.echoes)
	a, b, c := project(t, "a"), project(t, "b"), project(t, "c")
	for _, p := range []version.Project{a, b, c} {
		s.Watch(p)
	}
	s.untilUnknown(a)
	s.untilUnknown(c)
	if s.State(b).Listening {
		t.Error("listening where the server forbids it")
	}
	server.Do("ACL", "SETUSER", "nudge", "&nudge:{b}")
	s.untilUnknown(b)
	if !strings.Contains(log.String(), "project=b") {
		t.Errorf("the refusal was not logged:\n%s", log.String())
	}
}

// Errors that the server sends for writes are known at once, though PUBLISH would still work.
func TestRedisRefusesWrites(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var log lockedBuffer
	s := redisSource(t, server, func(o *redis.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	wait(t, "an echo", s.echoes)
	server.Do("CONFIG", "SET", "maxmemory", "1")
	wait(t, "the loss", s.losses)
	for limit, over := time.After(4*time.Second), false; !over; { // after 1.2 s the connection is given up, for a new one
		select {
		case lost := <-s.losses:
			if lost.fault != version.FaultMemory {
				t.Errorf("lost with %v, want the server's OOM: %v", lost.fault, lost.err)
			}
		case <-limit:
			over = true
		}
	}
	if n := strings.Count(log.String(), "redis does not deliver"); n != 1 {
		t.Errorf("%d lines say that Redis does not deliver, want 1:\n%s", n, log.String())
	}
	server.Do("CONFIG", "SET", "maxmemory", "0")
	for len(s.echoes) > 0 {
		<-s.echoes
	}
	wait(t, "an echo", s.echoes)
}

// News that no probe could miss is found by the routine read.
func TestRedisRoutineRead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, func(o *redis.Options) { o.Routine = 50 * time.Millisecond })
	p := project(t, "42")
	s.Watch(p)
	s.publish(1, 0, version.News{Project: p, Version: 10})
	s.untilVersion(p, 10)
	server.Do("SET", channel(p), "12") // set, but never published
	s.untilVersion(p, 12)
	server.Do("SET", channel(p), "5") // restored
	if c := s.untilVersion(p, 5); !c.Reset {
		t.Error("a key below belief and last key is a reset")
	}
}

// A password that is wrong, and a server that is a replica, are said as they are.
func TestRedisFaultsAreNamed(t *testing.T) {
	t.Parallel()
	locked := redistest.Start(t, "--requirepass", "right")
	s := redisSource(t, locked, func(o *redis.Options) { o.Password = "wrong " + secrettest.Marker })
	if lost := wait(t, "the loss", s.losses); lost.fault != version.FaultAuth {
		t.Errorf("lost with %v, want the refusal of the password", lost)
	}
	master := redistest.Start(t)
	host, port, _ := strings.Cut(master.Addr, ":")
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	s = redisSource(t, replica, nil)
	p := project(t, "42")
	s.Watch(p)
	if lost := wait(t, "the loss", s.losses); lost.fault != version.FaultReadOnly {
		t.Errorf("lost with %v, want that it is a replica", lost)
	}
	if s.State(p).Listening {
		t.Error("a replica's keys were believed")
	}
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	src, err := redis.New(version.NewBoard(), redis.Options{Addrs: []string{server.Socket}})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := src.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A new connection to the same server is proven by its first probe, however many went before.
func TestRedisProvenAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := redisSource(t, server, func(o *redis.Options) { o.Probe = 10 * time.Millisecond })
	for range 100 {
		wait(t, "an echo", s.echoes)
	}
	fastest := time.Hour
	for range 5 { // the machine may be busy for one of them
		cut := time.Now()
		server.Do("CLIENT", "KILL", "TYPE", "pubsub")
		for wait(t, "an echo", s.echoes).Before(cut) {
		}
		fastest = min(fastest, time.Since(cut))
	}
	if fastest > time.Second {
		t.Errorf("the first echo over the new connection came %v after the cut", fastest)
	}
}

// A password that is refused is said to be that by Publish too: the library puts it into no answer of a pipeline.
func TestRedisPublishIsRefused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "right")
	src, err := redis.New(version.NewBoard(), redis.Options{Addrs: []string{server.Socket}, Access: redis.Access{Password: "wrong " + secrettest.Marker}})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	_, err = src.Publish(t.Context(), []version.News{{Project: project(t, "42"), Version: 1}})
	if !errors.Is(err, version.ErrUnavailable) || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("%v, want the refusal of the password", err)
	}
}

// Whatever somebody puts into the key of a probe, the probe comes back.
func TestRedisProbeKeyIsSpoilt(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("SET", "nudge:probe:gw", int64(version.Max))
	s := redisSource(t, server, func(o *redis.Options) { o.Instance = "gw" })
	wait(t, "an echo", s.echoes)
	server.Do("SET", "nudge:probe:gw", int64(version.Max))
	for spoilt := time.Now(); wait(t, "an echo", s.echoes).Before(spoilt); {
	}
}
