package pace

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/fallback"
	"nudge/version"
)

// newPacer fills in functions that a test does without.
func newPacer(opt Options) *Pacer {
	if opt.Streams == nil {
		opt.Streams = func() int { return 0 }
	}
	if opt.Lag == nil {
		opt.Lag = func() time.Duration { return 0 }
	}
	if opt.Leaving == nil {
		opt.Leaving = func() bool { return false }
	}
	if opt.Changed == nil {
		opt.Changed = func() {}
	}
	if opt.Board == nil {
		opt.Board = version.NewBoard()
	}
	opt.Judged, opt.Moved = func(_, _ fallback.Verdict) {}, func(fallback.Change) {}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return New(opt)
}

// A fresh gateway takes over what its fleet has proved; later it goes by its own evidence.
func TestTrustIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(Options{})
		host, other := p.Host(), version.Peer{Instance: "b", Push: "healthy", Step: 3}
		host.Peer(other)
		host.Echo(time.Now())
		p.judge(time.Now())
		if got := host.Self().Step; got != 3 {
			t.Errorf("step %d, the fleet's is 3", got)
		}
		other.Step = 4
		host.Peer(other)
		p.judge(time.Now())
		if got := host.Self().Step; got != 3 {
			t.Errorf("step %d when another one has come further", got)
		}
	})
}

// unlocked reports an error if one of the pacer's locks is held. Only the goroutine of the test may use the pacer.
func (p *Pacer) unlocked(t *testing.T, called string) {
	t.Helper()
	for name, mu := range map[string]*sync.Mutex{"pacer": &p.mu, "spreader": &p.spreader.mu} {
		if !mu.TryLock() {
			t.Errorf("%s is called under the lock of the %s", called, name)
			continue
		}
		mu.Unlock()
	}
}

// logs calls a function for each line of a log.
type logs struct {
	slog.Handler
	line func(string)
}

func (l logs) Handle(_ context.Context, r slog.Record) error {
	l.line(r.Message)
	return nil
}

func (l logs) Enabled(context.Context, slog.Level) bool { return true }

// What the options call may take any lock, and long. So nothing is called under a lock of the pacer.
func TestNothingIsCalledUnderALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *Pacer
		calls := map[string]int{}
		called := func(name string) {
			calls[name]++
			p.unlocked(t, name)
		}
		board := version.NewBoard()
		p = newPacer(Options{
			Flag:    fallback.Flag{Enabled: true, Percent: 100},
			Streams: func() int { called("Streams"); return 3 },
			Lag:     func() time.Duration { called("Lag"); return 0 },
			Leaving: func() bool { called("Leaving"); return false },
			Changed: func() { called("Changed") },
			Board:   board,
			Read: func(context.Context, version.Project) (version.Key, error) {
				called("Read")
				return version.Key{Known: true, Version: 9}, nil
			},
			Log: slog.New(logs{slog.DiscardHandler, func(string) { called("Log") }}),
		})
		host := p.Host()
		host.Peer(host.Self())
		host.Peer(version.Peer{Instance: "b", Streams: 5, Push: "healthy"})
		host.Tick()
		host.Echo(time.Now())
		p.judge(time.Now())
		m, err := version.ParseMark("42")
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Missed(t.Context(), MissedReport{Project: m.Project, Version: 9, Named: 8}); got != fallback.FaultDeaf {
			t.Errorf("judged as %s", got)
		}
		p.Apply(fallback.Policy{Fast: time.Minute}, fallback.Flag{})
		host.Lost(version.FaultConnection, errors.New("gone"))
		p.judge(time.Now())
		p.FleetStatus()
		p.FleetSize()
		p.Pressure()
		p.MissedStatus()
		p.Without()
		for _, name := range []string{"Streams", "Lag", "Leaving", "Changed", "Read", "Log"} {
			if calls[name] == 0 {
				t.Errorf("%s is never called", name)
			}
		}
	})
}

// Run publishes each cadence before it tells of it, tells of each once, and of nothing else.
func TestChangedFollowsTheCadence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *Pacer
		var told []time.Duration
		policy := fallback.Policy{Fast: 10 * time.Second, Slow: time.Minute}
		flag := fallback.Flag{Enabled: true, Percent: 100, Ramp: 10 * time.Second}
		p = newPacer(Options{Policy: policy, Flag: flag, Proven: true, Changed: func() { told = append(told, p.Now().Poll) }})
		go p.Run(t.Context())
		time.Sleep(time.Minute)
		p.Host().Echo(time.Now())
		synctest.Wait()
		for range 5 {
			time.Sleep(time.Second)
			p.Host().Echo(time.Now())
		}
		policy.Slow = 30 * time.Second
		if p.Apply(policy, flag) {
			t.Error("another policy counts as another flag")
		}
		synctest.Wait()
		if d := cmp.Diff([]time.Duration{time.Minute, 30 * time.Second}, told); d != "" {
			t.Error(d)
		}
		flag.Percent = 50
		if !p.Apply(policy, flag) {
			t.Error("another flag does not count")
		}
		longest := time.Duration(0)
		for range 100 {
			longest = max(longest, p.ConnectAfter())
		}
		if longest < 5*time.Second || longest > flag.Ramp {
			t.Errorf("those whom the flag lets in come within %v", longest)
		}
		time.Sleep(flag.Ramp)
		if got := p.ConnectAfter(); got != 0 {
			t.Errorf("after the ramp one is to come in %v", got)
		}
	})
}

// A start is over when the fleet was listened to since the first echo; without an echo after 10 s.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		settles := func(p *Pacer) time.Duration {
			for !p.Settled(time.Now()) {
				time.Sleep(100 * time.Millisecond)
			}
			return time.Since(begun)
		}
		heard, deaf := newPacer(Options{Listen: 2 * time.Second}), newPacer(Options{})
		go heard.Run(t.Context())
		go deaf.Run(t.Context())
		heard.Host().Echo(time.Now())
		if got := settles(heard); got != 2*time.Second {
			t.Errorf("with an echo at once: %v", got)
		}
		if got := settles(deaf); got != 10*time.Second {
			t.Errorf("without an echo: %v", got)
		}
	})
}
