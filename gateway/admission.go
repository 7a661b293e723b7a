package gateway

import (
	"hash/maphash"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// admission counts who holds a stream, or a held poll, and refuses what is over a limit.
type admission struct {
	limits func() Limits

	mu         sync.Mutex // guards all below
	open       [2]int     // by kind
	perSubject map[uint32]int
	perAddress map[uint32]int
	connects   *rate.Limiter
	rated      int           // connects per second that the limiter was made for
	empty      chan struct{} // not nil: closed when the last one has gone
}

// kind is what serves a stream.
type kind uint8

const (
	onGoroutine kind = iota // one goroutine, with its buffers and its connection
	onLoop                  // parked
)

// ticket is what admission remembers of one it admitted. The hashes are 0 where no limit was set when it
// came, so a limit counts the streams that came since it was set.
type ticket struct{ subject, address uint32 }

const (
	// reservedFiles are descriptors for everything but streams: polls, Redis, listeners, files.
	reservedFiles = 512
	// goroutineCost is what one stream costs with its goroutine, its buffers and its connection, in bytes;
	// rounded up generously.
	goroutineCost = 64 << 10
)

func newAdmission(limits func() Limits) *admission {
	return &admission{
		limits: limits, perSubject: map[uint32]int{}, perAddress: map[uint32]int{},
	}
}

// admit lets a stream in, until its ticket is given to release, or says which limit it is over.
func (a *admission) admit(k kind, subject, address string, now time.Time) (t ticket, p *problem) {
	l := a.limits()
	t = ticket{counted(subject, l.StreamsPerSubject), counted(address, l.StreamsPerAddress)}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.fullLocked(k, l):
		return t, limited(http.StatusServiceUnavailable, "this gateway holds as many streams as it may; come back later", 10*time.Second)
	case t.subject != 0 && a.perSubject[t.subject] >= l.StreamsPerSubject:
		return t, limited(http.StatusTooManyRequests, "this user has as many streams as one user may", 30*time.Second)
	case t.address != 0 && a.perAddress[t.address] >= l.StreamsPerAddress:
		return t, limited(http.StatusTooManyRequests, "this address has as many streams as one address may", 30*time.Second)
	case !a.connectLocked(l.ConnectsPerSecond, now):
		return t, limited(http.StatusServiceUnavailable, "too many connect at once; come back in a moment", 5*time.Second)
	}
	a.open[k]++
	more(a.perSubject, t.subject)
	more(a.perAddress, t.address)
	return t, nil
}

// release gives a ticket back, once.
func (a *admission) release(k kind, t ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[k]--
	less(a.perSubject, t.subject)
	less(a.perAddress, t.address)
	a.emptyLocked()
}

// left is closed when the last one has gone. To be called when no more are admitted.
func (a *admission) left() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.empty == nil {
		a.empty = make(chan struct{})
	}
	a.emptyLocked()
	return a.empty
}

func (a *admission) emptyLocked() {
	if a.empty == nil || a.open[onLoop]+a.open[onGoroutine] > 0 {
		return
	}
	select {
	case <-a.empty:
	default:
		close(a.empty)
	}
}

// count is how many are open.
func (a *admission) count() (parked, goroutines int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[onLoop], a.open[onGoroutine]
}

// full tells whether the next stream of this kind would be refused, whoever comes.
func (a *admission) full(k kind) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fullLocked(k, a.limits())
}

// fullLocked compares with the least of what was set and what the process can bear. Those with a goroutine have a
// limit of their own beside the one for all: they cost a hundred times more.
func (a *admission) fullLocked(k kind, l Limits) bool {
	most := l.Streams
	if most <= 0 {
		most = FileLimit()
	}
	if a.open[onLoop]+a.open[onGoroutine] >= most {
		return true
	}
	if k != onGoroutine {
		return false
	}
	most = l.GoroutineStreams
	if most <= 0 {
		most = memoryLimit()
	}
	return a.open[onGoroutine] >= most
}

func (a *admission) connectLocked(perSecond int, now time.Time) bool {
	if perSecond <= 0 {
		return true
	}
	if a.rated != perSecond {
		a.rated, a.connects = perSecond, rate.NewLimiter(rate.Limit(perSecond), perSecond)
	}
	return a.connects.AllowN(now, 1)
}

// counted is the hash of who is to be counted; 0: nobody. Two that share one, which among a hundred thousand a single pair
// may, share a limit.
func counted(name string, limit int) uint32 {
	if limit <= 0 {
		return 0
	}
	return hash(name)
}

var seed = maphash.MakeSeed()

// hash names somebody in four bytes; 0: nobody.
func hash(name string) uint32 {
	if name == "" {
		return 0
	}
	return max(1, uint32(maphash.String(seed, name)))
}

func more(counts map[uint32]int, key uint32) {
	if key != 0 {
		counts[key]++
	}
}

func less(counts map[uint32]int, key uint32) {
	if key == 0 {
		return
	}
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// memoryLimit is how many goroutine streams half of GOMEMLIMIT leaves room for; without one, all.
func memoryLimit() int {
	return max(16, int(min(debug.SetMemoryLimit(-1)/2/goroutineCost, 1<<30)))
}
