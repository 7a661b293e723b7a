//go:build unix

package redis_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redistest"
)

// cpu is the time that this process has spent.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap is what is in use on it, garbage aside.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// What a message costs that came for a project in use. Redis publishes to itself, so that the time is that of receiving.
func BenchmarkRedisReceive(b *testing.B) {
	server := redistest.Start(b)
	s := redisSource(b, server, nil)
	p := project(b, "42")
	s.Watch(p)
	s.untilUnknown(p)
	const batch = 10_000
	script := fmt.Sprintf("for i = 1, %d do redis.call('PUBLISH', KEYS[1], ARGV[1] + i) end", batch)
	b.ResetTimer()
	begun, before := time.Now(), cpu(b)
	sent := 0
	for ; sent < b.N; sent += batch {
		server.Do("EVAL", script, "1", channel(p), sent)
		s.untilVersion(p, version.Version(sent+batch)) // so that Redis's buffer never overflows
	}
	b.ReportMetric(float64(sent)/time.Since(begun).Seconds(), "msgs/s")
	b.ReportMetric(float64(cpu(b)-before)/float64(sent), "cpu-ns/msg")
}

// What it takes to watch 100,000 projects, and to watch them again after the connection was cut.
func BenchmarkRedisWatch(b *testing.B) {
	const n = 100_000
	for range b.N {
		server := redistest.Start(b)
		s := redisSource(b, server, nil)
		projects := make([]version.Project, n)
		for i := range projects {
			projects[i] = project(b, fmt.Sprint("project-", i))
		}
		wait(b, "an echo", s.echoes)
		inRedis := used(server)
		before, begun := heap(), time.Now()
		for _, p := range projects {
			s.Watch(p)
		}
		s.untilAll(projects)
		b.ReportMetric(time.Since(begun).Seconds(), "subscribe-s")
		b.ReportMetric((heap()-before)/n, "B/project")
		b.ReportMetric((used(server)-inRedis)/n, "B/project-in-Redis")

		begun = time.Now()
		server.Do("CLIENT", "KILL", "TYPE", "pubsub")
		for s.State(projects[n-1]).Listening { // the end of the connection was not noticed yet
			runtime.Gosched()
		}
		s.untilAll(projects)
		b.ReportMetric(time.Since(begun).Seconds(), "again-s")
		runtime.KeepAlive(projects)
	}
}

// How long a gateway takes to know 5,000 projects whose versions are stored.
func BenchmarkRedisColdStart(b *testing.B) {
	const n = 5_000
	server := redistest.Start(b)
	projects := make([]version.Project, n)
	for i := range projects {
		projects[i] = project(b, fmt.Sprint("project-", i))
		server.Do("SET", channel(projects[i]), i)
	}
	for b.Loop() {
		s := redisSource(b, server, nil)
		for _, p := range projects {
			s.Watch(p)
		}
		s.untilAll(projects)
	}
}

// untilAll waits until all are listened for.
func (s *source) untilAll(projects []version.Project) {
	s.t.Helper()
	limit := time.After(patience)
	for _, p := range projects {
		for !s.State(p).Listening {
			select {
			case <-s.Changed():
				s.Take(nil)
			case <-limit:
				s.t.Fatalf("project %s is not listened for", p)
			}
		}
	}
}

// used is the memory that a server uses, in bytes.
func used(server *redistest.Server) (bytes float64) {
	info := server.Do("INFO", "memory").(string)
	for line := range strings.Lines(info) {
		if n, err := fmt.Sscanf(line, "used_memory:%f", &bytes); n == 1 && err == nil {
			return bytes
		}
	}
	panic("no used_memory in INFO")
}
