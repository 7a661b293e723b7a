package pace

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nudge/fallback"
	"nudge/version"
)

// A fresh gateway takes over what its fleet has proved; later it goes by its own evidence.
func TestTrustIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Streams: func() int { return 0 }})
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
		p = New(Options{
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
		if got := p.Missed(t.Context(), MissedReport{m.Project, 9, 8}, "ann"); got != fallback.FaultDeaf {
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
