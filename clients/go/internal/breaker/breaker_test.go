package breaker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"nudge/clients/go/internal/breaker"
)

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker.Breaker
		calls := 0
		broken := errors.New("broken")
		call := func(err error) error {
			return b.Do(t.Context(), time.Second, func(context.Context) error { calls++; return err })
		}
		expect := func(what string, got, want error, n int) {
			t.Helper()
			if !errors.Is(got, want) || calls != n {
				t.Errorf("%s: %v after %d calls, want %v after %d", what, got, calls, want, n)
			}
		}
		expect("works", call(nil), nil, 1)
		expect("fails", call(broken), broken, 2)
		expect("at once after it", call(nil), breaker.ErrResting, 2)
		time.Sleep(999 * time.Millisecond)
		expect("within the second", call(nil), breaker.ErrResting, 2)
		time.Sleep(time.Millisecond)
		expect("after the second", call(broken), broken, 3)
		expect("it failed again", call(nil), breaker.ErrResting, 3)
		time.Sleep(time.Second)
		expect("it works again", call(nil), nil, 4)
		expect("and goes on", call(nil), nil, 5)
	})
}

// One call tries; the others do not wait for it. A call that goes on for ever costs its limit.
func TestBreakerLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker.Breaker
		over := make(chan struct{})
		hang := func(context.Context) error { <-over; return nil }
		begun := time.Now()
		if err := b.Do(t.Context(), 100*time.Millisecond, hang); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(time.Second)
		tried := make(chan error)
		go func() { tried <- b.Do(t.Context(), 100*time.Millisecond, hang) }()
		synctest.Wait()
		if err := b.Do(t.Context(), time.Second, hang); !errors.Is(err, breaker.ErrResting) {
			t.Errorf("beside the call that tries: %v", err)
		}
		<-tried
		close(over)
	})
}

// That a call has ended is never taken for the end of its time.
func TestGoodCallsAreGood(t *testing.T) {
	t.Parallel()
	var b breaker.Breaker
	for i := range 20_000 {
		if err := b.Do(t.Context(), time.Hour, func(context.Context) error { return nil }); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}
