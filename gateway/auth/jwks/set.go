package jwks

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// everyURL is how often a key server is asked: a key that it withdraws is refused after that, at the latest. everyFile is how
	// often a file is read.
	everyURL  = 5 * time.Minute
	everyFile = 5 * time.Second
	// leastURL and leastFile are the average times between looks for keys that tokens name and the set does not have; some may
	// be without delay. So invented names cost a key server six requests a minute.
	leastURL  = 10 * time.Second
	leastFile = time.Second
	looksNow  = 3
	// A name that was looked for in vain is looked for again after missingFor. mostMissing of them are remembered.
	missingFor  = 10 * time.Second
	mostMissing = 256
	// After a failure the next look is after firstRetry, then twice that, up to lastRetry.
	firstRetry = time.Second
	lastRetry  = time.Minute
	// remind is how often the log tells that a set still cannot be had.
	remind = 10 * time.Minute
)

// ErrPending says that a key is not there yet, and is being looked for.
var ErrPending = errors.New("the key is being looked for")

// Set is the key set of one source, as it was when that could last be had. Its methods do not wait.
type Set struct {
	source source
	log    *slog.Logger
	keys   atomic.Pointer[Keys]  // nil: there were none yet
	failed atomic.Pointer[error] // why that look failed; nil: it did not
	good   atomic.Int64          // when the last look ended that did not fail; before that, when the set was made
	wanted chan struct{}         // a token names a key that is missing

	mu      sync.Mutex // guards all below
	missing map[string]sought
	begun   uint64 // looks that have begun; they do not overlap
	ended   uint64 // looks that have ended

	// Owned by the goroutine of run.
	looks    *rate.Limiter // for keys that are missing
	failures int
	told     time.Time // when the log last told of a failure
}

// sought is a key that a token has named, and the set does not have.
type sought struct {
	at    time.Time
	begun uint64 // looks that had begun then
}

func newSet(from source, log *slog.Logger) *Set {
	_, least := from.times()
	s := &Set{
		source: from, log: log.With("source", from.String()), wanted: make(chan struct{}, 1), missing: map[string]sought{},
		looks: rate.NewLimiter(rate.Every(least), looksNow),
	}
	s.good.Store(time.Now().UnixNano())
	return s
}

// Keys returns the keys now; nil if there were none yet. The value changes whenever the keys do.
func (s *Set) Keys() *Keys { return s.keys.Load() }

// Find returns the keys that a token with this kid ("": none) and algorithm may be signed with, from keys. look: the source is
// asked for a key that is missing, but not more often than it can take. ErrPending: there may be one soon. Another error: there
// is none.
func (s *Set) Find(keys *Keys, id, algorithm string, look bool) ([]crypto.PublicKey, error) {
	if keys == nil {
		return nil, ErrPending
	}
	public, missing, err := keys.find(id, algorithm)
	if missing && look && !s.lookedFor(id, time.Now()) {
		return nil, ErrPending
	}
	return public, err
}

// lookedFor reports whether the source was read since a token first named a key that is missing. The first call asks for that.
func (s *Set) lookedFor(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, known := s.missing[id]
	if known && now.Sub(first.at) < missingFor {
		return s.ended > first.begun
	}
	if len(s.missing) >= mostMissing {
		clear(s.missing)
	}
	s.missing[id] = sought{now, s.begun}
	select {
	case s.wanted <- struct{}{}:
	default:
	}
	return false
}

// run looks for keys until ctx ends.
func (s *Set) run(ctx context.Context) {
	due := time.NewTimer(s.next())
	defer due.Stop()
	hurry := false // due is for a key that is missing
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wanted:
			if !hurry {
				due.Reset(s.looks.Reserve().Delay())
				hurry = true
			}
			continue
		case <-due.C:
		}
		hurry = false
		s.look(ctx)
		due.Reset(s.next())
	}
}

// next returns how long to wait for the next look.
func (s *Set) next() time.Duration {
	switch every, _ := s.source.times(); {
	case s.keys.Load() == nil && s.failures == 0:
		return 0
	case s.failures > 0:
		return min(firstRetry<<min(s.failures-1, 10), lastRetry, every)
	default:
		return time.Duration(float64(every) * (0.9 + 0.1*rand.Float64())) // gateways that start together do not ask together
	}
}

// load reads the source once.
func (s *Set) load(ctx context.Context) (*Keys, error) {
	text, err := s.source.read(ctx)
	if err != nil {
		return nil, err
	}
	if now := s.keys.Load(); now != nil && now.digest == sha256.Sum256(text) {
		return now, nil
	}
	return Parse(text)
}

// look reads the source once. The keys stay if that fails.
func (s *Set) look(ctx context.Context) {
	s.mu.Lock()
	s.begun++
	s.mu.Unlock()
	keys, err := s.load(ctx)
	if ctx.Err() != nil {
		return
	}
	defer func() {
		s.mu.Lock()
		s.ended = s.begun
		s.mu.Unlock()
	}()
	if err == nil {
		s.take(keys)
		return
	}
	now := time.Now()
	s.failed.Store(&err)
	if s.failures++; s.failures == 1 || now.Sub(s.told) >= remind {
		s.told = now
		s.log.Warn(s.failure(), "error", err, "fix", "see on this machine, with curl, that the URL in the error answers with a key set")
	}
}

// take puts keys in force that were just read.
func (s *Set) take(keys *Keys) {
	if s.failures > 0 {
		s.log.Info("the keys that tokens are verified with can be read again")
	}
	s.failures = 0
	s.failed.Store(nil)
	if s.keys.Swap(keys) != keys {
		s.log.Info("the keys that tokens are verified with are new", "keys", len(keys.all))
		for _, why := range keys.skipped[:min(len(keys.skipped), 5)] {
			s.log.Warn("a key of the key set is not used", "why", why,
				"fix", "correct the key where the set comes from, if tokens are signed with it")
		}
	}
	s.good.Store(time.Now().UnixNano())
}

// failure says what a failed look means.
func (s *Set) failure() string {
	if s.keys.Load() == nil {
		return "the keys that tokens are verified with cannot be read; until they can, their tokens get 503"
	}
	return "the keys that tokens are verified with cannot be read again; those of " +
		time.Unix(0, s.good.Load()).UTC().Format(time.RFC3339) + " stay in use"
}

// Status is the state of a set, for operators.
type Status struct {
	Source string  `json:"source"`
	Keys   int     `json:"keys"`
	Age    float64 `json:"age_s"`           // since the source could last be read, or since the start
	Error  string  `json:"error,omitempty"` // of the last look
}

func (s *Set) status(now time.Time) Status {
	status := Status{Source: s.source.String(), Age: now.Sub(time.Unix(0, s.good.Load())).Seconds()}
	if keys := s.keys.Load(); keys != nil {
		status.Keys = len(keys.all)
	}
	if err := s.failed.Load(); err != nil {
		status.Error = (*err).Error()
	}
	return status
}
