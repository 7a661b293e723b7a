package stream

import (
	"testing"
	"testing/synctest"
	"time"

	"nudge/version"
)

func TestHeldPolls(t *testing.T) {
	inHub(t, 100, func(t *testing.T, r *hubRig) {
		woken := func(p *Poll) bool {
			synctest.Wait()
			select {
			case <-p.Wake():
				return true
			default:
				return false
			}
		}
		a, b := mustProject(t, "a"), mustProject(t, "b")
		p, other := r.Hold([]version.Project{a, b}, true, 0), r.Hold([]version.Project{b}, true, 0)
		woken(p) // both projects were confirmed
		woken(other)
		if woken(p) || p.Ended() {
			t.Error("nothing happened")
		}
		stream := r.watch("a", 4)
		r.publish(version.News{Project: a, Version: 1})
		r.publish(version.News{Project: a, Version: 2})
		if spread, heard := p.Heard(); !woken(p) || woken(p) || !heard || spread != 5*time.Second {
			t.Error("a change wakes once", spread, heard)
		}
		if woken(other) {
			t.Error("woken by the change of another project")
		}
		if got := stream.heard(); got != "1/5s 2/5s" {
			t.Error(got)
		}
		r.WakePolls()
		if !woken(p) || !woken(other) || p.Ended() {
			t.Error("not woken")
		}
		p.End()
		p.End()
		if !woken(p) || !p.Ended() || other.Ended() {
			t.Error("not ended")
		}
		p.Release()
		p.Release() // does nothing
		r.publish(version.News{Project: a, Version: 3})
		r.WakePolls()
		if woken(p) {
			t.Error("woken after its release")
		}
		if got := stream.heard(); got != "3/4s" {
			t.Error("a poll that was released counts: ", got)
		}
		if polls := r.Polls(); len(polls) != 1 || polls[0] != other {
			t.Error(polls)
		}
		if polls := r.ClosePolls(); len(polls) != 1 || polls[0] != other {
			t.Error(polls)
		}
		if r.Hold([]version.Project{a}, true, 0) != nil {
			t.Error("a closed hub holds a poll")
		}
		other.Release()
		if len(r.Polls())+len(r.held) != 0 {
			t.Error("a poll is left")
		}
	})
}

func TestPollThatHeardNothing(t *testing.T) {
	inHub(t, 1, func(t *testing.T, r *hubRig) {
		r.watch("a", 1)
		p := r.Hold([]version.Project{mustProject(t, "b")}, true, 0)
		if _, heard := p.Heard(); heard {
			t.Error("heard")
		}
		r.wantAsked("+a")
		p.Release()
		if r.Projects() != 1 {
			t.Error("what waited for a poll that has gone still waits")
		}
	})
}
