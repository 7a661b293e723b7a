package redis

import (
	"strconv"
	"testing"
)

// The server must hold what it confirmed, no more and no less.
func TestSubscriptionsCount(t *testing.T) {
	p, q := project("1"), project("2")
	begin := func(t *testing.T) *subscriptions {
		s := newSubscriptions()
		s.watch(p)
		s.watch(q)
		s.begin()
		if c := s.nextCommand(10); c.kind != subscribing || len(c.projects) != 2 {
			t.Fatalf("%+v", c)
		}
		if !s.answered(p, true, ours+1) || !s.answered(q, true, ours+2) {
			t.Fatal("the first answers are wrong")
		}
		return &s
	}
	t.Run("right", func(t *testing.T) {
		s := begin(t)
		s.count()
		if c := s.nextCommand(10); c.kind != counting {
			t.Fatalf("%+v", c)
		}
		if !s.counted(ours + 2) {
			t.Error("a right count is refused")
		}
	})
	t.Run("too few", func(t *testing.T) {
		s := begin(t)
		s.count()
		s.nextCommand(10)
		if s.counted(ours + 1) {
			t.Error("a subscription is gone, and nobody noticed")
		}
	})
	t.Run("twice before it was sent", func(t *testing.T) { // each answer belongs to a probe
		s := begin(t)
		s.count()
		s.count()
		for range 2 {
			if c := s.nextCommand(10); c == nil || c.kind != counting {
				t.Fatalf("%+v", c)
			}
		}
		for range 2 {
			if !s.counted(ours + 2) {
				t.Error("two counts are not two")
			}
		}
		if c := s.nextCommand(10); c != nil {
			t.Errorf("a third: %+v", c)
		}
	})
	t.Run("nobody asked", func(t *testing.T) {
		if s := begin(t); s.counted(ours + 2) {
			t.Error("an answer without a question")
		}
	})
	t.Run("unsubscribed unasked", func(t *testing.T) {
		if s := begin(t); s.answered(p, false, ours+1) {
			t.Error("an answer without a question")
		}
	})
	t.Run("forgotten and refused", func(t *testing.T) {
		s := begin(t)
		r := project("3")
		s.watch(r)
		s.nextCommand(10)
		s.forget(r)
		if c := s.nextCommand(10); c.kind != unsubscribing {
			t.Fatalf("%+v", c)
		}
		s.refusal()                        // of the SUBSCRIBE
		if !s.answered(r, false, ours+2) { // there was nothing to drop
			t.Error("dropping what was refused is taken for a fault")
		}
		s.count()
		s.nextCommand(10)
		if !s.counted(ours + 2) {
			t.Error("a right count is refused")
		}
	})
	t.Run("a count is refused", func(t *testing.T) {
		s := begin(t)
		s.count()
		s.nextCommand(10)
		if _, alone, mine := s.refusal(); alone || !mine {
			t.Error("a refused count is booked as a project's refusal")
		}
	})
}

// Only so many commands are on their way, so that a count asked for meanwhile is answered soon; nothing is left out.
func TestSubscriptionsAreBatched(t *testing.T) {
	s := newSubscriptions()
	const n = 10 * mostOpen
	for i := range n {
		s.watch(project(strconv.Itoa(i)))
	}
	s.begin()
	var sent []*command
	answered := 0
	for answered < n {
		for c := s.nextCommand(1); c != nil; c = s.nextCommand(1) {
			sent = append(sent, c)
		}
		if open := len(sent) - answered; open != min(mostOpen, n-answered) {
			t.Fatalf("%d commands on their way after %d answers", open, answered)
		}
		s.count()
		if c := s.nextCommand(1); c == nil || c.kind != counting {
			t.Fatalf("%+v instead of a count", c)
		}
		for len(s.sent) > 1 { // all that was sent before the count
			answered++
			select {
			case <-s.ask:
			default:
			}
			if !s.answered(s.sent[0].projects[0], true, ours+answered) {
				t.Fatal("a right answer is refused")
			}
			select {
			case <-s.ask:
			default:
				t.Fatal("there is room for a command, and nobody was told")
			}
		}
		if !s.counted(ours + answered) {
			t.Fatal("a right count is refused")
		}
	}
}
