package redis

import (
	"sync"

	"nudge/version"
)

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
	projects map[version.Project]*subscription
	spare    []subscription    // to be used next
	toAsk    []version.Project // to subscribe to; entries that moved on meanwhile are skipped
	toDrop   []version.Project // to unsubscribe from
	toRead   []version.Project
	one      []version.Project // of a refused command: to be asked for one by one
	toCount  int               // so many counts are asked for
	open     int               // SUBSCRIBE commands of projects among sent
	sent     []*command        // commands not fully answered, oldest first
	held     int               // channels and patterns that the server holds for this connection, by its own answers
}

// subscriptionsAtOnce is how many subscriptions are made together.
const subscriptionsAtOnce = 64

type subscription struct {
	phase phase
	by    *command // that asked for it last, while it is not answered
}

// command is what is sent over the subscribing connection, and how many answers to it are still to come.
type command struct {
	kind     kind
	projects []version.Project
	open     int
}

// kind is what a command does.
type kind uint8

const (
	subscribing kind = iota
	unsubscribing
	counting // a SUBSCRIBE to what is subscribed to: its answer says how many subscriptions there are
)

func newSubscriptions() subscriptions {
	return subscriptions{
		ask: make(chan struct{}, 1), read: make(chan struct{}, 1), projects: map[version.Project]*subscription{},
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *subscriptions) watch(p version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.projects[p] != nil {
		return
	}
	if len(s.spare) == 0 { // together, as the board's entries
		s.spare = make([]subscription, subscriptionsAtOnce)
	}
	s.projects[p] = &s.spare[0]
	s.spare = s.spare[1:]
	s.toAsk = append(s.toAsk, p)
	signal(s.ask)
}

func (s *subscriptions) forget(p version.Project) {
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
	s.toAsk, s.toDrop, s.toRead, s.one, s.sent, s.toCount, s.open, s.held = nil, nil, nil, nil, nil, 0, 0, ours
	for p, sub := range s.projects {
		*sub = subscription{}
		s.toAsk = append(s.toAsk, p)
	}
	signal(s.ask)
}

// mostOpen bounds the SUBSCRIBE commands on their way: the probe is answered behind them, and with 100,000 projects its echo
// would be too late.
const mostOpen = 4

// count asks for a count of the subscriptions.
func (s *subscriptions) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.toCount++
	signal(s.ask)
}

// nextCommand gives the next command, for up to most projects; nil: nothing to do. Counting goes first, since push is
// not trusted until it is answered; then unsubscribing, since a project in both lists was forgotten and is watched
// again.
func (s *subscriptions) nextCommand(most int) *command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &command{kind: counting, open: 1}
	switch {
	case s.toCount > 0:
		s.toCount--
	case len(s.toDrop) > 0:
		n := min(most, len(s.toDrop))
		c = &command{kind: unsubscribing, projects: s.toDrop[:n:n], open: n}
		s.toDrop = s.toDrop[n:]
	default:
		if c = s.subscribeLocked(most); c == nil {
			return nil
		}
	}
	s.sent = append(s.sent, c)
	return c
}

func (s *subscriptions) subscribeLocked(most int) *command {
	if s.open == mostOpen {
		return nil
	}
	queue := &s.toAsk
	if len(s.one) > 0 {
		queue, most = &s.one, 1
	}
	c := &command{kind: subscribing}
	for len(*queue) > 0 && len(c.projects) < most {
		p := (*queue)[0]
		*queue = (*queue)[1:]
		if sub := s.projects[p]; sub != nil && sub.phase == wanted {
			sub.phase, sub.by = asked, c
			c.projects = append(c.projects, p)
		}
	}
	if len(*queue) == 0 {
		*queue = nil // what it held before is not kept
	}
	c.open = len(c.projects)
	if c.open > 0 {
		s.open++
		return c
	}
	if queue == &s.one && len(s.toAsk) > 0 {
		signal(s.ask)
	}
	return nil
}

// oldestLocked is the command that the next answer belongs to, if it is of this kind.
func (s *subscriptions) oldestLocked(k kind) *command {
	if len(s.sent) == 0 || s.sent[0].kind != k {
		return nil
	}
	c := s.sent[0]
	if c.open--; c.open == 0 {
		s.doneLocked()
	}
	return c
}

// doneLocked ends the oldest command.
func (s *subscriptions) doneLocked() {
	if s.sent[0].kind == subscribing {
		s.open--
		signal(s.ask)
	}
	s.sent = s.sent[1:]
}

// answered takes the answer that p is subscribed to, or no longer, with the server's count of all subscriptions. It
// counts for the command that asked last: an older one may have been undone by an UNSUBSCRIBE in between. False: the
// count is not what it must be, or nobody asked.
func (s *subscriptions) answered(p version.Project, subscribed bool, count int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !subscribed {
		// One that was refused meanwhile was never held.
		ok := s.oldestLocked(unsubscribing) != nil && (count == s.held-1 || count == s.held)
		s.held = count
		return ok
	}
	c := s.oldestLocked(subscribing)
	if s.held++; c == nil || count != s.held {
		return false
	}
	if sub := s.projects[p]; sub != nil && sub.by == c && sub.phase == asked {
		sub.phase, sub.by = heard, nil
		s.toRead = append(s.toRead, p)
		signal(s.read)
	}
	return true
}

// counted takes the answer to a count. False: the server holds more or fewer subscriptions than it confirmed.
func (s *subscriptions) counted(count int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.oldestLocked(counting) != nil && count == s.held
}

// refusal takes the answer that the oldest command is refused. A batch is tried again one by one, so that one
// forbidden project does not silence its neighbours; alone: this project was refused alone. Ours: it was a command of
// our own need, without which nothing goes.
func (s *subscriptions) refusal() (p version.Project, alone, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) == 0 {
		return version.Project{}, false, true
	}
	head := s.sent[0]
	s.doneLocked()
	single := len(head.projects) == 1
	for _, p := range head.projects {
		sub := s.projects[p]
		if head.kind != subscribing || sub == nil || sub.by != head || sub.phase != asked {
			continue
		}
		if single {
			sub.phase, sub.by = refused, nil
			return p, true, false
		}
		sub.phase, sub.by = wanted, nil
		s.one = append(s.one, p)
	}
	signal(s.ask)
	return version.Project{}, false, head.kind != subscribing
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
func (s *subscriptions) nextReads(most int) []version.Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(most, len(s.toRead))
	batch := s.toRead[:n:n]
	if s.toRead = s.toRead[n:]; len(s.toRead) == 0 {
		s.toRead = nil
	}
	return batch
}

// listening are all projects that were confirmed.
func (s *subscriptions) listening() []version.Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []version.Project
	for p, sub := range s.projects {
		if sub.phase == heard {
			all = append(all, p)
		}
	}
	return all
}
