//go:build unix

package faults

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"nudge/version/redis"
)

// stage is one scenario as it is played: a gateway, its streams, and an application that publishes.
type stage struct {
	*testing.T
	expect expect
	probe  time.Duration
	begun  time.Time
	app    *application
	crowd  *crowd
	log    *syncedLog
	ops    http.Handler

	broken, mended time.Duration // since begun
	// stored asks Redis, in the end, which version it holds of a project; nil: it is to lose nothing.
	stored func(project string) int64
	close  func() // ends the publishing
}

const (
	// probe is how often the gateways of the suite probe; all bounds follow from it.
	probe = 500 * time.Millisecond
	// patience is more than anything may take.
	patience = 30 * time.Second
	// instance is how the gateway calls itself at Redis.
	instance = "faults"
)

func newStage(t *testing.T, x expect) *stage {
	begun := time.Now()
	return &stage{T: t, expect: x, probe: probe, begun: begun, app: newApplication(begun), log: new(syncedLog)}
}

// standalone is how to reach one server. The application comes over its unix socket, where nothing gets in its way.
func standalone(addr string) redis.Options { return redis.Options{Addrs: []string{addr}} }

// open starts the gateway on one way to Redis and the application on another, opens the streams, and returns when all are
// told that push is healthy.
func (s *stage) open(ours, applications redis.Options) {
	s.Helper()
	s.app.move(s, applications)
	s.app.open(s)
	addr := s.serve(ours)
	s.crowd = openCrowd(s, addr, s.begun)
	s.wait("healthy push", patience, func() bool { return s.crowd.all(wellNow) })
	ctx, stop := context.WithCancel(context.Background())
	var publishing sync.WaitGroup
	publishing.Go(func() { s.app.run(ctx) })
	s.close = sync.OnceFunc(func() {
		stop()
		publishing.Wait()
	})
	s.Cleanup(s.close)
	s.pass(time.Second)
}

func wellNow(s *stream) bool {
	_, well := healthySince(s)
	return well
}

// pass lets time go by: how long a fault lasts.
func (s *stage) pass(d time.Duration) { time.Sleep(d) }

// fault brings the fault about; from its beginning on it counts as there.
func (s *stage) fault(f func()) {
	s.Helper()
	s.broken = time.Since(s.begun)
	s.app.turn(lasting)
	f()
}

// repair ends the fault; when f has returned it counts as over.
func (s *stage) repair(f func()) {
	s.Helper()
	f()
	s.mended = time.Since(s.begun)
	s.app.turn(repaired)
}

// untilTold is how long a fault must last so that every stream must have been told.
func (s *stage) untilTold() time.Duration {
	r := record{probe: s.probe}
	return r.truth() + 200*time.Millisecond
}

// wait waits until ok, or reports what did not come.
func (s *stage) wait(what string, most time.Duration, ok func() bool) {
	s.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(most); !ok(); {
		select {
		case <-limit:
			s.Errorf("no %s within %v", what, most)
			return
		case <-tick.C:
		}
	}
}
