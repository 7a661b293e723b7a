package loop

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"nudge/gateway/stream"
	"nudge/version"
)

// TestLives lets things happen in any order to streams of each kind, and to the rules alone. What must hold whatever
// happens is in reader_test.go.
func TestLives(t *testing.T) {
	for _, kind := range []struct {
		name   string
		parked bool
		carry  func(Options) carrier
	}{{"rules alone", false, newAlone}, {"goroutine", false, nil}, {"parked", true, nil}} {
		t.Run(kind.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				steps := rapid.SliceOfN(rapid.Custom(drawStep), 60, 150).Draw(rt, "steps")
				end := rapid.SampledFrom([]string{"leave", "drain", "stop"}).Draw(rt, "end")
				limit := rapid.SampledFrom([]int{len(ids), len(ids) - 1}).Draw(rt, "limit")
				var err error
				synctest.Test(t, func(t *testing.T) {
					l := &life{rig: newRigOf(t, kind.parked, kind.carry)}
					l.projects = limit
					l.hub.Fill()
					err = l.live(steps, end)
				})
				if err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}

// step is something that happens.
type step struct {
	After   time.Duration // since the last step
	Do      string
	Reader  int // of those that are there, modulo their number
	Project int
	N       int
}

func drawStep(t *rapid.T) step {
	return step{
		After: rapid.SampledFrom([]time.Duration{
			0, 0, 0, time.Millisecond, 400 * time.Millisecond, time.Second, 7 * time.Second,
			heartbeat + 100*time.Millisecond,
		}).Draw(t, "after"),
		Do: rapid.SampledFrom([]string{
			"", "open", "open", "open", "publish", "publish", "publish", "reset", "gap", "gap", "confirm", "confirm all",
			"flag", "revoke", "cadence", "stall", "stall", "sip", "sip", "read", "break", "leave", "extra", "settle", "drain",
		}).Draw(t, "do"),
		Reader:  rapid.IntRange(0, 9).Draw(t, "reader"),
		Project: rapid.IntRange(0, len(ids)-1).Draw(t, "project"),
		N:       rapid.IntRange(0, 255).Draw(t, "n"),
	}
}

// ids are the projects of a life. Owners are 0 and 1.
var ids = []string{"a", "b", "c"}

// life is a rig with readers, and the rules for them.
type life struct {
	*rig
	readers []*reader
	off     [2][3]bool // by owner and project
	revoked [2][3]bool
	ramp    time.Time // until then, streams may still go by an older flag
	leaving time.Time // all are dismissed by then; zero: not at all
}

// live lives a life, and returns the first thing that was not as it must be.
func (l *life) live(steps []step, end string) error {
	for i, s := range steps {
		l.pass(s.After)
		if err := l.check(); err != nil {
			return fmt.Errorf("before step %d: %w", i, err)
		}
		if err := l.do(s); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		synctest.Wait()
		if err := l.check(); err != nil {
			return fmt.Errorf("after step %d: %w", i, err)
		}
	}
	if err := l.do(step{Do: "settle"}); err != nil {
		return err
	}
	if err := l.check(); err != nil {
		return fmt.Errorf("at last: %w", err)
	}
	switch end {
	case "leave":
		for _, r := range l.readers {
			r.leave()
		}
	case "drain":
		l.carrier.Dismiss(stream.Goodbye{Reason: stream.Drain}, 5*time.Second)
		l.pass(5*time.Second + tick)
		for i, r := range l.readers {
			if i%2 == 0 || r.broken != nil {
				r.leave()
			}
		}
		l.pass(lingerMost + tick)
	case "stop":
		l.stop()
	}
	return l.checkEnd()
}

// do does one step.
func (l *life) do(s step) error {
	project := l.project(ids[s.Project])
	var r *reader
	if len(l.readers) > 0 {
		r = l.readers[s.Reader%len(l.readers)]
	}
	switch s.Do {
	case "open":
		l.openReader(s)
	case "publish":
		k, _ := l.source.Read(l.t.Context(), project)
		l.news(version.News{Project: project, Version: k.Version + 1 + version.Version(s.N%3)})
	case "reset":
		k, _ := l.source.Read(l.t.Context(), project)
		l.news(version.News{Project: project, Version: max(0, k.Version-version.Version(s.N%4)), Reset: true})
	case "gap":
		l.board.Gap()
	case "confirm":
		l.confirm(project, s.N%4)
	case "confirm all":
		l.confirmAll()
	case "flag":
		for o := range l.off {
			for p := range ids {
				l.off[o][p] = s.N>>(o*len(ids)+p)&1 == 1
			}
		}
		over := time.Duration(s.N>>6) * 5 * time.Second
		l.setRules()
		l.carrier.FlagChanged(over)
		l.ramp = time.Now().Add(over + 2*tick)
		if over == 0 {
			l.ramp = time.Time{}
		}
	case "revoke":
		l.revoked[s.N%2][s.Project] = true
		l.setRules()
		l.carrier.TokensRevoked()
	case "cadence":
		l.carrier.CadenceChanged()
	case "drain":
		if s.N > 5 || !l.leaving.IsZero() { // a life is longer without
			return nil
		}
		over := time.Duration(s.N%2) * 5 * time.Second
		l.carrier.Dismiss(stream.Goodbye{Reason: stream.Drain}, over)
		l.leaving = time.Now().Add(over + tick)
	case "settle":
		for _, r := range l.readers {
			if err := r.readAll(); err != nil {
				return err
			}
		}
		l.confirmAll()
		l.pass(max(time.Until(l.ramp), time.Until(l.leaving), stream.HelloMost) + time.Second)
	default:
		if r != nil {
			return r.do(s)
		}
	}
	return nil
}

func (l *life) news(n version.News) {
	listening := l.board.State(n.Project).Listening
	if got, err := l.source.Publish(context.Background(), []version.News{n}); err != nil || got.Accepted != 1 {
		l.t.Errorf("%+v, %v", got, err)
	}
	if !listening && l.source.watches(n.Project) { // heard before the subscription is confirmed
		l.board.Message(n)
	}
}

// confirm ends a gap of one project: with its key, without a key, with a key that is greater, or from other data. A project that
// nobody watches has none.
func (l *life) confirm(p version.Project, how int) {
	key, _ := l.source.Read(l.t.Context(), p)
	origin := uint32(1)
	switch how {
	case 1:
		key = version.Key{}
	case 2:
		if !key.Known {
			break
		}
		key.Version++
		l.news(version.News{Project: p, Version: key.Version}) // heard before the key is read
	case 3:
		origin = 2
	}
	if l.source.watches(p) && !l.board.State(p).Listening {
		l.board.Confirm(p, key, origin)
	}
}

func (l *life) confirmAll() {
	for _, id := range ids {
		l.confirm(l.project(id), 0)
	}
}

// setRules makes new rules of what is off and revoked.
func (l *life) setRules() {
	off, revoked := l.off, l.revoked
	at := func(p version.Project) int { return int(p.String()[0] - 'a') }
	l.rules = &stream.Rules{
		Allows: func(o stream.Owner, p version.Project) bool { return !off[o[0]][at(p)] },
		Revoked: func(o stream.Owner, p version.Project) bool {
			return p != version.Project{} && revoked[o[0]][at(p)]
		},
	}
}

// openReader opens a stream for some projects, of which the token may lack some.
func (l *life) openReader(s step) {
	owner := s.N & 1
	r := &reader{life: l, owner: owner, opened: time.Now(), steady: true, ticket: Ticket{uint32(len(l.readers)), 7}}
	r.browser = &browser{r: l.rig, room: -1, hear: r.hear}
	state := stream.NewState(stream.Owner{byte(owner)}, time.Time{})
	if s.N>>6 == 3 {
		state.EndAt(time.Now().Add(20*time.Second), stream.Rotate)
		r.ends = true
	}
	a := Arrival{State: state, Ticket: r.ticket, Judged: l.rules, Head: []byte(head)}
	left := false
	for p, id := range ids {
		if 1+s.N>>1&7&(1<<p) == 0 && p != s.Project {
			continue
		}
		access := stream.Served
		switch {
		case l.revoked[owner][p] || s.N>>4&3 == p && p != s.Project:
			access = stream.Denied
			r.denied[p] = true
		case l.off[owner][p]:
			access = stream.Excluded
		}
		left = left || access == stream.Served
		r.has[p] = true
		a.Projects = append(a.Projects, stream.Subscription{Project: l.project(id), Access: access})
	}
	if !left { // it would not be let in
		return
	}
	if s.N>>5&1 == 1 { // judged by rules that are not the newest
		old := *l.rules
		a.Judged = &old
	}
	l.readers = append(l.readers, r)
	l.give(a, r.browser)
}

const head = "HTTP/1.1 200 OK\r\n\r\n"
