// Package breaker keeps callers from waiting for a Redis that does not answer, one after the other.
package breaker

import (
	"context"
	"errors"
	"sync"
	"time"
)

// rest is how long calls fail at once after one has failed.
const rest = time.Second

// ErrResting is the error of calls that are not made, since one failed less than a second ago.
var ErrResting = errors.New("redis failed less than a second ago, and is not asked")

// Breaker lets calls through until one fails. Then calls fail at once for a second, and one call tries again. Its zero value is
// ready, and many goroutines may use it.
type Breaker struct {
	mu       sync.Mutex
	restless time.Time // calls before it fail at once; zero: none does
}

// Do calls do with a context that ends after limit, and returns its error. It waits no longer, also if do goes on: not every
// client looks at its context.
func (b *Breaker) Do(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	if !b.may(limit) {
		return ErrResting
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- do(ctx) }()
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		err = ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.restless = time.Time{}
	if err != nil {
		b.restless = time.Now().Add(rest)
	}
	return err
}

// may reports whether a call may be made.
func (b *Breaker) may(limit time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.restless.IsZero() {
		return true
	}
	if time.Now().Before(b.restless) {
		return false
	}
	b.restless = time.Now().Add(rest + limit) // the others wait for what this call finds
	return true
}
