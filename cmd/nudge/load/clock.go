//go:build linux

package load

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

func newClockBase() (clockBase, error) {
	now, ns, err := bothClocks()
	return clockBase{now.UnixMicro(), ns}, err
}

// clock tells the Unix time in µs. It ignores changes of the system's clock since the run began.
type clock struct {
	zero time.Time
	at   int64
}

func (m clockBase) clock() (clock, error) {
	now, ns, err := bothClocks()
	return clock{now, m.Day + (ns-m.Monotonic)/1000}, err
}

func (c clock) now() int64 { return c.at + time.Since(c.zero).Microseconds() }

// bothClocks reads Go's clock and the monotonic clock, which Go uses but does not show. If it is interrupted between the two,
// it reads again: the difference would be in every latency.
func bothClocks() (now time.Time, ns int64, err error) {
	const quick = 10_000 // ns
	best := int64(math.MaxInt64)
	for range 100 {
		before, err := monotonic()
		if err != nil {
			return now, 0, err
		}
		at := time.Now()
		after, err := monotonic()
		if err != nil {
			return now, 0, err
		}
		if took := after - before; took < best {
			best, now, ns = took, at, before+took/2
		}
		if best < quick {
			break
		}
	}
	return now, ns, nil
}

func monotonic() (int64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0, fmt.Errorf("read the monotonic clock: %w", err)
	}
	return t.Nano(), nil
}
