package gateway

import (
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
	open       int
	perSubject map[string]int
	perAddress map[string]int
	connects   *rate.Limiter
	rated      int // connects per second that the limiter was made for
}

const (
	// reservedFiles are descriptors for everything but streams: polls, Redis, listeners, files.
	reservedFiles = 512
	// goroutineCost is what one stream costs with its goroutine, its buffers and its connection, in bytes;
	// rounded up generously.
	goroutineCost = 64 << 10
)

func newAdmission(limits func() Limits) *admission {
	return &admission{limits: limits, perSubject: map[string]int{}, perAddress: map[string]int{}}
}

// admit lets a stream in until release is called, or says which limit it is over.
func (a *admission) admit(subject, address string, now time.Time) (release func(), p *problem) {
	l := a.limits()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open >= streamLimit(l) {
		return nil, limited(http.StatusServiceUnavailable, "this gateway holds as many streams as it may; come back later", 10*time.Second)
	}
	if over(subject, a.perSubject, l.StreamsPerSubject) {
		return nil, limited(http.StatusTooManyRequests, "this user has as many streams as one user may", 30*time.Second)
	}
	if over(address, a.perAddress, l.StreamsPerAddress) {
		return nil, limited(http.StatusTooManyRequests, "this address has as many streams as one address may", 30*time.Second)
	}
	if !a.connectLocked(l.ConnectsPerSecond, now) {
		return nil, limited(http.StatusServiceUnavailable, "too many connect at once; come back in a moment", 5*time.Second)
	}
	a.open++
	a.perSubject[subject]++
	a.perAddress[address]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.open--
		less(a.perSubject, subject)
		less(a.perAddress, address)
	}, nil
}

// full tells whether the next stream of anybody would be refused.
func (a *admission) full() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open >= streamLimit(a.limits())
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

func over(key string, counts map[string]int, limit int) bool {
	return key != "" && limit > 0 && counts[key] >= limit
}

func less(counts map[string]int, key string) {
	counts[key]--
	if counts[key] <= 0 {
		delete(counts, key)
	}
}

// streamLimit is how many streams may be open: the least of what was set and what the process can bear.
func streamLimit(l Limits) int {
	limit := l.Streams
	if limit <= 0 {
		limit = FileLimit()
	}
	if cost := l.GoroutineStreams; cost > 0 {
		return min(limit, cost)
	}
	return min(limit, memoryLimit())
}

// memoryLimit is how many goroutine streams half of GOMEMLIMIT leaves room for; without one, all.
func memoryLimit() int {
	return max(16, int(min(debug.SetMemoryLimit(-1)/2/goroutineCost, 1<<30)))
}
