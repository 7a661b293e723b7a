package version

import "sync"

// phase is how far the subscription to a project has come in the present session.
type phase uint8

const (
	wanted  phase = iota // to be asked for
	asked                // SUBSCRIBE is on its way
	refused              // by the server; asked again in a while
	heard                // confirmed; the key is to be read, or has been
)

// subscriptions is what the subscribing connection is to hold, and how far it has come. Commands are
// answered in order, so that an answer always belongs to the oldest command not fully answered.
type subscriptions struct {
	ask  chan struct{} // one slot: there may be something for nextCommand
	read chan struct{} // one slot: there may be something for nextReads

	mu       sync.Mutex // guards all below
	projects map[Project]*subscription
	spare    []subscription // to be used next
	toAsk    []Project      // to subscribe to; entries that moved on meanwhile are skipped
	toDrop   []Project      // to unsubscribe from
	toRead   []Project
	one      []Project  // of a refused command: to be asked for one by one
	sent     []*command // SUBSCRIBE commands not fully answered, oldest first
}

type subscription struct {
	phase phase
	by    *command // that asked for it last
}

// command is a SUBSCRIBE and what it has not been answered yet.
type command struct {
	projects []Project
	open     int
}

func newSubscriptions() subscriptions {
	return subscriptions{
		ask: make(chan struct{}, 1), read: make(chan struct{}, 1), projects: map[Project]*subscription{},
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *subscriptions) watch(p Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.projects[p] != nil {
		return
	}
	if len(s.spare) == 0 { // together, as the board's entries
		s.spare = make([]subscription, entriesAtOnce)
	}
	s.projects[p] = &s.spare[0]
	s.spare = s.spare[1:]
	s.toAsk = append(s.toAsk, p)
	signal(s.ask)
}

func (s *subscriptions) forget(p Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.projects[p]
	if sub == nil {
		return
	}
	delete(s.projects, p)
	if sub.phase != wanted {
		s.toDrop = append(s.toDrop, p)
		signal(s.ask)
	}
}

func (s *subscriptions) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.projects)
}

// begin starts a session: nothing is subscribed to, everything is to be.
func (s *subscriptions) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.toAsk, s.toDrop, s.toRead, s.one, s.sent = nil, nil, nil, nil, nil
	for p, sub := range s.projects {
		*sub = subscription{}
		s.toAsk = append(s.toAsk, p)
	}
	signal(s.ask)
}

// nextCommand gives up to most projects to unsubscribe from, or to subscribe to; both empty: nothing to
// do. Unsubscribing goes first, since a project in both lists was forgotten and is watched again.
func (s *subscriptions) nextCommand(most int) (drop, subscribe []Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.toDrop) > 0 {
		n := min(most, len(s.toDrop))
		drop, s.toDrop = s.toDrop[:n:n], s.toDrop[n:]
		return drop, nil
	}
	queue := &s.toAsk
	if len(s.one) > 0 {
		queue, most = &s.one, 1
	}
	for len(*queue) > 0 && len(subscribe) < most {
		p := (*queue)[0]
		*queue = (*queue)[1:]
		if sub := s.projects[p]; sub != nil && sub.phase == wanted {
			sub.phase = asked
			subscribe = append(subscribe, p)
		}
	}
	if len(subscribe) == 0 {
		if queue == &s.one && len(s.toAsk) > 0 {
			signal(s.ask)
		}
		return nil, nil
	}
	c := &command{subscribe, len(subscribe)}
	s.sent = append(s.sent, c)
	for _, p := range subscribe {
		s.projects[p].by = c
	}
	return nil, subscribe
}

// confirmed takes the answer that p is subscribed to. It counts for the command that asked last: an older
// one may have been undone by an UNSUBSCRIBE in between.
func (s *subscriptions) confirmed(p Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) == 0 {
		return
	}
	head := s.sent[0]
	if head.open--; head.open == 0 {
		s.sent = s.sent[1:]
	}
	if sub := s.projects[p]; sub != nil && sub.by == head && sub.phase == asked {
		sub.phase = heard
		s.toRead = append(s.toRead, p)
		signal(s.read)
	}
}

// refusal takes the answer that the oldest command is refused: a batch is tried again one by one, so that one
// forbidden project does not silence its neighbours. It returns the project that was refused alone.
func (s *subscriptions) refusal() (alone Project, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) == 0 {
		return Project{}, false
	}
	head := s.sent[0]
	s.sent = s.sent[1:]
	single := len(head.projects) == 1
	for _, p := range head.projects {
		sub := s.projects[p]
		if sub == nil || sub.by != head || sub.phase != asked {
			continue
		}
		if single {
			sub.phase = refused
			return p, true
		}
		sub.phase = wanted
		s.one = append(s.one, p)
	}
	signal(s.ask)
	return Project{}, false
}

// retryRefused asks again for what was refused: rights are mended without telling us.
func (s *subscriptions) retryRefused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, sub := range s.projects {
		if sub.phase == refused {
			sub.phase = wanted
			s.one = append(s.one, p)
			signal(s.ask)
		}
	}
}

// nextReads gives up to most projects whose keys are to be read because they were just confirmed.
func (s *subscriptions) nextReads(most int) []Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(most, len(s.toRead))
	batch := s.toRead[:n:n]
	s.toRead = s.toRead[n:]
	return batch
}

// listening are all projects that were confirmed.
func (s *subscriptions) listening() []Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Project
	for p, sub := range s.projects {
		if sub.phase == heard {
			all = append(all, p)
		}
	}
	return all
}
