package loop

import (
	"sync/atomic"
	"time"
)

// lag measures how long a loop takes to do what it is asked to.
type lag struct {
	asked atomic.Int64 // Unix nanoseconds; 0: it is done
	took  atomic.Int64 // the last time, in nanoseconds
}

// Lag asks the loop to do something, unless it was asked already, and returns how late it is or was the last time.
func (l *Loop) Lag(now time.Time) time.Duration {
	if asked := l.lag.asked.Load(); asked != 0 {
		return now.Sub(time.Unix(0, asked))
	}
	l.lag.asked.Store(now.UnixNano())
	l.Post(func(time.Time) {
		l.lag.took.Store(time.Now().UnixNano() - l.lag.asked.Load())
		l.lag.asked.Store(0)
	})
	return time.Duration(l.lag.took.Load())
}
