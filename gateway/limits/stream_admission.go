package limits

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Admission counts open streams and held polls, and refuses what is over a limit. It is safe for concurrent use.
type Admission struct {
	settings func() Settings

	mu         sync.Mutex // guards all below
	open       [Kinds]int
	perSubject map[uint32]int
	perAddress map[uint32]int
	crowded    map[uint32]int // subjects with more streams than their limit, and that limit
	crowds     chan struct{}  // not empty: there are new ones in crowded
	connects   *rate.Limiter
	repeated   *rate.Limiter // of these, by callers who connect again and again
	again      RepeatGuard
	own        Recent[uint16] // connects of each caller in its present second
	rated      int            // connects per second that the limiter was made for
	empty      chan struct{}  // not nil: closed when the last stream has ended
}

// Kind is what serves a stream.
type Kind uint8

const (
	Goroutine Kind = iota // a goroutine, with its buffers and its connection
	Parked                // a loop that many streams share
	Kinds                 // how many there are
)

// String returns the name of the kind in metrics.
func (k Kind) String() string { return [Kinds]string{"goroutine", "parked"}[k] }

// Ticket is what [Admission.Release] needs of an admitted stream: hashes of subject and address, in this order. They have 32
// bits because each stream keeps a ticket. A hash is 0 if no limit was set when the stream began, so a limit counts only
// streams that began after it was set. Two names with the same hash share a limit; among 100,000 there is about one such
// pair.
type Ticket [2]uint32

// Why a stream is not admitted.
var (
	errFull        = &Refusal{Name: "streams", Reason: "this gateway has as many streams as it can hold; come back later", RetryAfter: 10 * time.Second}
	errConnects    = &Refusal{Name: "connects_per_second", Reason: "too many streams open at once; come back in a moment", RetryAfter: 5 * time.Second}
	errOwnConnects = &Refusal{Name: "connects_share", Caller: true, Reason: "this user or address opens too many streams at once; come back in a moment", RetryAfter: 5 * time.Second}
	errPerSubject  = &Refusal{Name: "streams_per_subject", Caller: true, Reason: "this user has as many streams as one user may", RetryAfter: 30 * time.Second}
	errPerAddress  = &Refusal{Name: "streams_per_address", Caller: true, Reason: "this address has as many streams as one address may", RetryAfter: 30 * time.Second}
)

// goroutineCost is what one stream costs with its goroutine, its buffers and its connection, in bytes; rounded up
// generously.
const goroutineCost = 64 << 10

// NewAdmission returns an Admission without streams. Each decision asks settings for the limits in force.
func NewAdmission(settings func() Settings) *Admission {
	return &Admission{
		settings: settings, perSubject: map[uint32]int{}, perAddress: map[uint32]int{},
		crowded: map[uint32]int{}, crowds: make(chan struct{}, 1),
	}
}

// Admit counts a stream until its ticket is released, or returns the limit that it exceeds.
func (a *Admission) Admit(k Kind, c Caller, now time.Time) (Ticket, *Refusal) {
	return a.admit(k, c, 1, now)
}

// AdmitNewer is Admit for a stream for which the oldest of its subject makes room: see [Admission.Crowded]. Until that is done
// a subject may have twice as many as its limit. A caller without a subject gets no more than from Admit: the other streams of
// its network may be those of other people.
func (a *Admission) AdmitNewer(k Kind, c Caller, now time.Time) (Ticket, *Refusal) {
	if c.Subject == "" {
		return a.Admit(k, c, now)
	}
	return a.admit(k, c, 2, now)
}

// admit allows a subject times its limit.
func (a *Admission) admit(k Kind, c Caller, times int, now time.Time) (Ticket, *Refusal) {
	s := a.settings()
	perSubject, perAddress := s.perSubject(c), s.perAddress(c)
	t := Ticket{counted(c.Name(), perSubject), counted(c.network(), perAddress)}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.fullLocked(k, s):
		return Ticket{}, errFull
	case t[0] != 0 && a.perSubject[t[0]] >= times*perSubject:
		return Ticket{}, errPerSubject
	case t[1] != 0 && a.perAddress[t[1]] >= perAddress:
		return Ticket{}, errPerAddress
	}
	if n := s.ConnectsPerSecond; n > 0 {
		if !a.ownConnectLocked(c, n, now) || !a.repeatedLocked(c, n, now) {
			return Ticket{}, errOwnConnects
		}
		if !a.connects.AllowN(now, 1) {
			return Ticket{}, errConnects
		}
	}
	a.open[k]++
	add(a.perSubject, t[0], 1)
	add(a.perAddress, t[1], 1)
	if t[0] != 0 && a.perSubject[t[0]] > perSubject {
		a.crowded[t[0]] = perSubject
		select {
		case a.crowds <- struct{}{}:
		default:
		}
	}
	return t, nil
}

// Crowds has an element when a subject has got more streams than its limit.
func (a *Admission) Crowds() <-chan struct{} { return a.crowds }

// Crowded returns by how many streams each subject exceeds its limit. The keys are those of tickets.
func (a *Admission) Crowded() map[uint32]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	excess := map[uint32]int{}
	for subject, limit := range a.crowded {
		if n := a.perSubject[subject] - limit; n > 0 {
			excess[subject] = n
		} else {
			delete(a.crowded, subject)
		}
	}
	return excess
}

// Release stops counting a stream. Call it once for each ticket.
func (a *Admission) Release(k Kind, t Ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[k]--
	add(a.perSubject, t[0], -1)
	add(a.perAddress, t[1], -1)
	a.emptyLocked()
}

// Empty returns a channel that is closed when the last stream has ended. Call it when no more are admitted.
func (a *Admission) Empty() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.empty == nil {
		a.empty = make(chan struct{})
	}
	a.emptyLocked()
	return a.empty
}

func (a *Admission) emptyLocked() {
	if a.empty == nil || a.open[Parked]+a.open[Goroutine] > 0 {
		return
	}
	select {
	case <-a.empty:
	default:
		close(a.empty)
	}
}

// Open returns how many streams and held polls are open.
func (a *Admission) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[Parked] + a.open[Goroutine]
}

// Full reports whether the next stream of this kind would be refused for any caller.
func (a *Admission) Full(k Kind) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fullLocked(k, a.settings())
}

// fullLocked compares the open streams with the limits that are set, or else with what the process can hold. Streams on a
// goroutine have an additional limit: they cost a hundred times more.
func (a *Admission) fullLocked(k Kind, s Settings) bool {
	return a.open[Parked]+a.open[Goroutine] >= s.Streams || k == Goroutine && a.open[Goroutine] >= s.GoroutineStreams
}

// repeatedLocked keeps half of the connects for callers who have not connected four times in the last 10 s. So a few that do
// it all the time, each with its own share, leave room for others.
func (a *Admission) repeatedLocked(c Caller, perSecond int, now time.Time) bool {
	if a.rated != perSecond {
		a.rated = perSecond
		a.connects = rate.NewLimiter(rate.Limit(perSecond), perSecond)
		a.repeated = rate.NewLimiter(rate.Limit(perSecond)/2, max(1, perSecond/2))
	}
	a.again.Sweep(now)
	_, repeated := a.again.Take(c.Counted(), now, func(bool) time.Duration { return 0 })
	return !repeated || a.repeated.AllowN(now, 1)
}

// ownShare is the share of the connects in a second that one caller may have, and ownLeast the least number: several tabs
// reconnect at once.
const ownShare, ownLeast = 8, 4

// ownConnectLocked comes before the limit for all, so that one caller cannot use that up. It also refuses callers for whom
// there is no room to remember them.
func (a *Admission) ownConnectLocked(c Caller, perSecond int, now time.Time) bool {
	if c.anonymous() {
		return true
	}
	k := c.Key()
	a.own.Sweep(now)
	n, left := a.own.Get(k, now)
	if left == 0 {
		left = time.Second
	}
	return int(n) < max(perSecond/ownShare, ownLeast) && a.own.Put(k, n+1, now, left)
}

// counted returns the hash by which a name is counted; 0: there is no limit, and it is not counted.
func counted(name string, limit int) uint32 {
	if limit <= 0 {
		return 0
	}
	return max(1, uint32(KeyOf(name)))
}

func add(counts map[uint32]int, key uint32, n int) {
	if key == 0 {
		return
	}
	if counts[key] += n; counts[key] <= 0 {
		delete(counts, key)
	}
}
