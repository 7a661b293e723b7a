package redis

import (
	"strconv"
	"testing"

	"nudge/version"
)

// watching are subscriptions of a session to projects, of which nothing was sent yet.
func watching(projects ...version.Project) *subscriptions {
	s := newSubscriptions(version.NewBoard())
	for _, p := range projects {
		s.watch(s.board.Open(p))
	}
	s.begin()
	return s
}

func (s *subscriptions) drop(p version.Project) {
	s.forget(p)
	s.board.Drop(p)
}

// Whatever is answered belongs to the oldest command, and to nothing else.
func TestSubscriptionsAnswers(t *testing.T) {
	t.Parallel()
	p, q, r := project("1"), project("2"), project("3")
	begin := func(t *testing.T) *subscriptions {
		s := watching(p, q)
		if c := s.nextCommand(); c.unsubscribe || len(c.projects) != 2 {
			t.Fatalf("%+v", c)
		}
		return s
	}
	t.Run("in order", func(t *testing.T) {
		s := begin(t)
		if !s.answered(p, true) || !s.answered(q, true) || s.nextCommand() != nil {
			t.Error("right answers are refused")
		}
		if got := s.nextReads(10); len(got) != 2 || got[0] != p || len(s.listening()) != 2 {
			t.Errorf("to read: %v", got)
		}
	})
	t.Run("unsubscribed unasked", func(t *testing.T) {
		if s := begin(t); s.answered(p, false) {
			t.Error("an answer without a question")
		}
	})
	t.Run("subscribed unasked", func(t *testing.T) {
		s := begin(t)
		s.answered(p, true)
		s.answered(q, true)
		if s.answered(p, true) {
			t.Error("an answer without a question")
		}
	})
	t.Run("dropped, and another one has its index", func(t *testing.T) {
		s := begin(t)
		s.drop(p)
		s.watch(s.board.Open(r))
		if !s.answered(p, true) || !s.answered(q, true) {
			t.Error("right answers are refused")
		}
		if c := s.nextCommand(); !c.unsubscribe || len(c.projects) != 1 || c.projects[0] != p {
			t.Fatalf("%+v", c)
		}
		if !s.answered(p, false) {
			t.Error("a right answer is refused")
		}
		if got := s.nextReads(10); len(got) != 1 || got[0] != q {
			t.Errorf("to read: %v", got)
		}
		if c := s.nextCommand(); len(c.projects) != 1 || c.projects[0] != r {
			t.Fatalf("%+v", c)
		}
		s.answered(r, true)
		if got := s.nextReads(10); len(got) != 1 || got[0] != r {
			t.Errorf("to read: %v", got)
		}
	})
	t.Run("dropped and watched again while it is asked for", func(t *testing.T) {
		s := begin(t)
		s.drop(p)
		s.watch(s.board.Open(p))
		s.answered(p, true) // which the UNSUBSCRIBE undoes
		s.answered(q, true)
		if got := s.nextReads(10); len(got) != 1 || got[0] != q {
			t.Errorf("to read: %v", got)
		}
		if c := s.nextCommand(); !c.unsubscribe {
			t.Errorf("%+v", c)
		}
		s.answered(p, false)
		if c := s.nextCommand(); c.unsubscribe {
			t.Errorf("%+v", c)
		}
		s.answered(p, true)
		if got := s.nextReads(10); len(got) != 1 || got[0] != p {
			t.Errorf("to read: %v", got)
		}
	})
	t.Run("confirmed, and dropped before its key is read", func(t *testing.T) {
		s := begin(t)
		s.answered(p, true)
		s.drop(p)
		s.watch(s.board.Open(r))
		if got := s.nextReads(10); len(got) != 0 {
			t.Errorf("to read: %v", got)
		}
	})
	t.Run("refused together, then one by one", func(t *testing.T) {
		s := begin(t)
		if _, alone, fatal := s.refusal(); alone || fatal {
			t.Error("a refused batch is taken for the refusal of one")
		}
		if c := s.nextCommand(); len(c.projects) != 1 || c.projects[0] != p {
			t.Fatalf("%+v", c)
		}
		if got, alone, fatal := s.refusal(); got != p || !alone || fatal {
			t.Errorf("%v is refused", got)
		}
		if c := s.nextCommand(); len(c.projects) != 1 || c.projects[0] != q {
			t.Fatalf("%+v", c)
		}
		s.answered(q, true)
		if s.nextCommand() != nil {
			t.Error("what was refused alone is asked for again at once")
		}
		s.retryRefused()
		if c := s.nextCommand(); len(c.projects) != 1 || c.projects[0] != p {
			t.Errorf("%+v", c)
		}
	})
	t.Run("dropped and refused", func(t *testing.T) {
		s := begin(t)
		s.drop(p)
		s.refusal()
		if c := s.nextCommand(); !c.unsubscribe {
			t.Fatalf("%+v", c)
		}
		if !s.answered(p, false) { // there was nothing to drop
			t.Error("dropping what was refused is taken for a fault")
		}
		if c := s.nextCommand(); len(c.projects) != 1 || c.projects[0] != q {
			t.Errorf("%+v", c)
		}
	})
	t.Run("an UNSUBSCRIBE is refused", func(t *testing.T) {
		s := begin(t)
		s.answered(p, true)
		s.answered(q, true)
		s.drop(p)
		s.nextCommand()
		if _, alone, fatal := s.refusal(); alone || !fatal {
			t.Error("it is booked as a project's refusal")
		}
	})
}

// One command is on its way at a time, so that a probe comes back soon; nothing is left out.
func TestSubscriptionsAreBatched(t *testing.T) {
	t.Parallel()
	projects := make([]version.Project, channelsPerCommand*5/2)
	for i := range projects {
		projects[i] = project(strconv.Itoa(i))
	}
	s := watching(projects...)
	left := len(projects)
	for left > 0 {
		select {
		case <-s.ask:
		default:
			t.Fatal("there is room for a command, and nobody was told")
		}
		c := s.nextCommand()
		if len(c.projects) != min(channelsPerCommand, left) {
			t.Fatalf("%d projects in a command, of %d that are left", len(c.projects), left)
		}
		for _, p := range c.projects {
			if s.nextCommand() != nil {
				t.Fatal("a second command while one is on its way")
			}
			if !s.answered(p, true) {
				t.Fatal("a right answer is refused")
			}
		}
		left -= len(c.projects)
	}
}
