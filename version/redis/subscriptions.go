package redis

import (
	"sync"

	"nudge/version"
)

// channelsPerCommand limits a SUBSCRIBE: Redis serves no other client while it executes one.
const channelsPerCommand = 1000

// phase is the state of the subscription to a project in the present session.
type phase uint8

const (
	unwanted  phase = iota
	wanted          // to be asked for
	asked           // SUBSCRIBE is on its way
	refused         // by the server; asked again in a while
	confirmed       // the key is to be read, or has been
)

// subscriptions are the subscriptions that the connection should have, and the state of each. Only one command is under way at
// a time. So each answer belongs to this command, and a probe never waits behind the answers to many.
type subscriptions struct {
	board *version.Board
	ask   version.Signal // there may be something for nextCommand
	read  version.Signal // there may be something for nextReads

	mu      sync.Mutex // guards all below
	phases  []phase    // by index
	toAsk   []version.Index
	toRetry []version.Index   // of a refused command, to be asked for one by one
	toRead  []version.Index   // projects in these three may have moved on meanwhile
	toDrop  []version.Project // to unsubscribe from
	sent    *command          // not fully answered yet; nil: none
}

// command is a SUBSCRIBE or an UNSUBSCRIBE, and the number of answers that are still to come.
type command struct {
	unsubscribe bool
	projects    []version.Project
	left        int
}

func newSubscriptions(board *version.Board) *subscriptions {
	return &subscriptions{board: board, ask: version.NewSignal(), read: version.NewSignal()}
}

// watch begins a subscription, to a project that is on the board.
func (s *subscriptions) watch(i version.Index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more := int(i) + 1 - len(s.phases); more > 0 {
		s.phases = append(s.phases, make([]phase, more)...)
	}
	if s.phases[i] == unwanted {
		s.phases[i] = wanted
		s.toAsk = append(s.toAsk, i)
		s.ask.Set()
	}
}

// forget ends a subscription, while the project is still on the board.
func (s *subscriptions) forget(p version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.findLocked(p)
	if !ok {
		return
	}
	if s.phases[i] != wanted {
		s.toDrop = append(s.toDrop, p)
		s.ask.Set()
	}
	s.phases[i] = unwanted
}

// findLocked returns the index of a project that is watched.
func (s *subscriptions) findLocked(p version.Project) (version.Index, bool) {
	i, ok := s.board.Index(p)
	return i, ok && int(i) < len(s.phases) && s.phases[i] != unwanted
}

// begin starts a session, in which no project is subscribed to yet.
func (s *subscriptions) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.toAsk, s.toRetry, s.toRead, s.toDrop, s.sent = nil, nil, nil, nil, nil
	for i := range s.phases {
		if s.phases[i] != unwanted {
			s.phases[i] = wanted
			s.toAsk = append(s.toAsk, version.Index(i))
		}
	}
	s.ask.Set()
}

// nextCommand returns the next command; nil: nothing to do, or one is on its way. Unsubscribing
// goes first: a project in both queues was forgotten, and is watched again.
func (s *subscriptions) nextCommand() *command {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent != nil {
		return nil
	}
	c := &command{unsubscribe: len(s.toDrop) > 0}
	if c.unsubscribe {
		n := min(channelsPerCommand, len(s.toDrop))
		c.projects, s.toDrop = s.toDrop[:n:n], s.toDrop[n:]
	} else if c.projects = s.takeLocked(&s.toRetry, wanted, 1); c.projects == nil {
		c.projects = s.takeLocked(&s.toAsk, wanted, channelsPerCommand)
	}
	if c.left = len(c.projects); c.left == 0 {
		return nil
	}
	s.sent = c
	return c
}

// takeLocked takes up to most projects that are still in this phase from a queue. Wanted ones are asked for then.
func (s *subscriptions) takeLocked(queue *[]version.Index, in phase, most int) (taken []version.Project) {
	for len(*queue) > 0 && len(taken) < most {
		i := (*queue)[0]
		*queue = (*queue)[1:]
		if s.phases[i] != in {
			continue
		}
		if in == wanted {
			s.phases[i] = asked
		}
		taken = append(taken, s.board.Project(i))
	}
	if len(*queue) == 0 {
		*queue = nil // frees its memory
	}
	return taken
}

// answered takes the answer that p is subscribed to, or no longer is. If p was forgotten meanwhile, the answer changes nothing,
// since an UNSUBSCRIBE follows. It returns false if no such command was sent.
func (s *subscriptions) answered(p version.Project, subscribed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil || s.sent.unsubscribe == subscribed {
		return false
	}
	if s.sent.left--; s.sent.left == 0 {
		s.sent = nil
		s.ask.Set()
	}
	if i, ok := s.findLocked(p); ok && subscribed && s.phases[i] == asked {
		s.phases[i] = confirmed
		s.toRead = append(s.toRead, i)
		s.read.Set()
	}
	return true
}

// refusal takes the answer that the command under way is refused. Its projects are asked for again one by one, since perhaps
// only one is forbidden. alone: the command was for p only. fatal: the command was no SUBSCRIBE to projects.
func (s *subscriptions) refusal() (p version.Project, alone, fatal bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.sent
	if c == nil || c.unsubscribe {
		return version.Project{}, false, true
	}
	s.sent = nil
	s.ask.Set()
	for _, p := range c.projects {
		i, ok := s.findLocked(p)
		switch {
		case !ok || s.phases[i] != asked:
		case len(c.projects) == 1:
			s.phases[i] = refused
			return p, true, false
		default:
			s.phases[i] = wanted
			s.toRetry = append(s.toRetry, i)
		}
	}
	return version.Project{}, false, false
}

// retryRefused asks again for refused projects: the rights may have changed.
func (s *subscriptions) retryRefused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.phases {
		if s.phases[i] == refused {
			s.phases[i] = wanted
			s.toRetry = append(s.toRetry, version.Index(i))
			s.ask.Set()
		}
	}
}

// nextReads returns up to most projects that were confirmed and whose keys were not read yet.
func (s *subscriptions) nextReads(most int) []version.Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeLocked(&s.toRead, confirmed, most)
}

// listening returns all projects that were confirmed.
func (s *subscriptions) listening() (all []version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.phases {
		if s.phases[i] == confirmed {
			all = append(all, s.board.Project(version.Index(i)))
		}
	}
	return all
}
