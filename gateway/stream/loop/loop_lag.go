package loop

import (
	"sync/atomic"
	"time"
)

// lag measures how long a loop takes until it does what is posted.
type lag struct {
	asked atomic.Int64 // when the running measurement began, Unix nanoseconds; 0: none runs
	took  atomic.Int64 // result of the last measurement, nanoseconds
}

// Lag returns how late the loop is: the age of the running measurement, or else the result of the last one. In the second
// case it starts another one. Only one goroutine may call it.
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
