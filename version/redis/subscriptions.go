package redis

import (
	"sync"

	"nudge/version"
)

// phase is how far the subscription to a project has come in the present session.
type phase uint8

const (
	unwanted  phase = iota
	wanted          // to be asked for
	asked           // SUBSCRIBE is on its way
	refused         // by the server; asked again in a while
	confirmed       // the key is to be read, or has been
)

// subscriptions is what the subscribing connection is to hold, and how far it has come. Commands are
// answered in order, so that an answer always belongs to the oldest command not fully answered.
type subscriptions struct {
	board *version.Board
	ask   chan struct{} // one slot: there may be something for nextCommand
	read  chan struct{} // one slot: there may be something for nextReads

	mu       sync.Mutex // guards all below
	projects []subscription
	toAsk    []version.Index // to subscribe to; like the next two it may hold what moved on meanwhile
	toRetry  []version.Index // of a refused command: to be asked for one by one
	toRead   []version.Index
	toDrop   []version.Project // to unsubscribe from
	sent     []*command        // commands not fully answered, oldest first
	open     int               // SUBSCRIBE commands among sent
	last     uint32            // number of the last of these
}

// subscription is that to one project, by its index.
type subscription struct {
	by    uint32 // number of the command that asked for it, while it is not answered; 0: none
	phase phase
}

// command is a SUBSCRIBE or an UNSUBSCRIBE, and how many answers to it are still to come.
type command struct {
	number      uint32
	unsubscribe bool
	projects    []version.Project
	left        int
}

func newSubscriptions(board *version.Board) *subscriptions {
	return &subscriptions{board: board, ask: make(chan struct{}, 1), read: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// watch and forget begin and end a subscription. The project is on the board meanwhile.
func (s *subscriptions) watch(i version.Index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more := int(i) + 1 - len(s.projects); more > 0 {
		s.projects = append(s.projects, make([]subscription, more)...)
	}
	if s.projects[i].phase != unwanted {
		return
	}
	s.projects[i] = subscription{phase: wanted}
	s.toAsk = append(s.toAsk, i)
	signal(s.ask)
}

func (s *subscriptions) forget(p version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, _ := s.atLocked(p)
	if sub == nil {
		return
	}
	if sub.phase != wanted {
		s.toDrop = append(s.toDrop, p)
		signal(s.ask)
	}
	*sub = subscription{}
}

// atLocked is the subscription to p; nil: it is not watched.
func (s *subscriptions) atLocked(p version.Project) (*subscription, version.Index) {
	i, ok := s.board.Index(p)
	if !ok || int(i) >= len(s.projects) || s.projects[i].phase == unwanted {
		return nil, 0
	}
	return &s.projects[i], i
}

// begin starts a session: nothing is subscribed to, everything is to be.
func (s *subscriptions) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.toAsk, s.toRetry, s.toRead, s.toDrop, s.sent, s.open = nil, nil, nil, nil, nil, 0
	for i := range s.projects {
		if s.projects[i].phase != unwanted {
			s.projects[i] = subscription{phase: wanted}
			s.toAsk = append(s.toAsk, version.Index(i))
		}
	}
	signal(s.ask)
}

// mostOpen bounds the SUBSCRIBE commands on their way: a probe comes back behind their answers, and with 100,000 projects
// would be too late.
const mostOpen = 4

// nextCommand gives the next command, for up to most projects; nil: nothing to do. Unsubscribing goes first, since a
// project that is to be both was forgotten and is watched again.
func (s *subscriptions) nextCommand(most int) *command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &command{}
	switch {
	case len(s.toDrop) > 0:
		n := min(most, len(s.toDrop))
		c.unsubscribe, c.projects = true, s.toDrop[:n:n]
		s.toDrop = s.toDrop[n:]
	case s.open < mostOpen:
		s.last++
		c.number = s.last
		if s.takeLocked(&s.toRetry, c, 1); len(c.projects) == 0 {
			s.takeLocked(&s.toAsk, c, most)
		}
	}
	if c.left = len(c.projects); c.left == 0 {
		return nil
	}
	if !c.unsubscribe {
		s.open++
	}
	s.sent = append(s.sent, c)
	return c
}

// takeLocked moves up to most projects that are still wanted from a queue to c.
func (s *subscriptions) takeLocked(queue *[]version.Index, c *command, most int) {
	for len(*queue) > 0 && len(c.projects) < most {
		i := (*queue)[0]
		*queue = (*queue)[1:]
		if sub := &s.projects[i]; sub.phase == wanted {
			sub.phase, sub.by = asked, c.number
			c.projects = append(c.projects, s.board.Project(i))
		}
	}
	if len(*queue) == 0 {
		*queue = nil // what it held before is not kept
	}
}

// doneLocked ends the oldest command.
func (s *subscriptions) doneLocked() {
	if !s.sent[0].unsubscribe {
		s.open--
	}
	s.sent = s.sent[1:]
	signal(s.ask)
}

// answered takes the answer that p is subscribed to, or no longer. It counts for the command that asked last: an older
// one may have been undone by an UNSUBSCRIBE in between. False: nobody asked.
func (s *subscriptions) answered(p version.Project, subscribed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) == 0 || s.sent[0].unsubscribe == subscribed {
		return false
	}
	c := s.sent[0]
	if c.left--; c.left == 0 {
		s.doneLocked()
	}
	if sub, i := s.atLocked(p); sub != nil && subscribed && sub.by == c.number && sub.phase == asked {
		sub.phase, sub.by = confirmed, 0
		s.toRead = append(s.toRead, i)
		signal(s.read)
	}
	return true
}

// refusal takes the answer that the oldest command is refused. A batch is tried again one by one, so that one
// forbidden project does not silence its neighbours; alone: this project was refused alone. Fatal: what was refused is
// nothing that can be tried again.
func (s *subscriptions) refusal() (p version.Project, alone, fatal bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) == 0 || s.sent[0].unsubscribe {
		return version.Project{}, false, true
	}
	c := s.sent[0]
	s.doneLocked()
	for _, p := range c.projects {
		sub, i := s.atLocked(p)
		if sub == nil || sub.by != c.number || sub.phase != asked {
			continue
		}
		sub.by = 0
		if len(c.projects) == 1 {
			sub.phase = refused
			return p, true, false
		}
		sub.phase = wanted
		s.toRetry = append(s.toRetry, i)
	}
	return version.Project{}, false, false
}

// retryRefused asks again for what was refused: rights are given without telling us.
func (s *subscriptions) retryRefused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.projects {
		if sub := &s.projects[i]; sub.phase == refused {
			sub.phase = wanted
			s.toRetry = append(s.toRetry, version.Index(i))
			signal(s.ask)
		}
	}
}

// nextReads gives up to most projects whose keys are to be read because they were just confirmed.
func (s *subscriptions) nextReads(most int) (batch []version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.toRead) > 0 && len(batch) < most {
		if i := s.toRead[0]; s.projects[i].phase == confirmed {
			batch = append(batch, s.board.Project(i))
		}
		s.toRead = s.toRead[1:]
	}
	if len(s.toRead) == 0 {
		s.toRead = nil
	}
	return batch
}

// listening are all projects that were confirmed.
func (s *subscriptions) listening() (all []version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sub := range s.projects {
		if sub.phase == confirmed {
			all = append(all, s.board.Project(version.Index(i)))
		}
	}
	return all
}
