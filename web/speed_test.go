//go:build unix

package web_test

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

// speed is how much faster than life pages live, and gateways with them, so that a suite is over in seconds. At the highest
// speed a stream counts as mute after one second of ours; beside programs that take half of the machine that may be too little.
var speed = fitting()

func fitting() int64 {
	if machine := share(100 * time.Millisecond); machine < 0.6 {
		return 2
	}
	return 5
}

// share is how much of the machine this process gets if it wants all of it, from 0 to 1.
func share(over time.Duration) float64 {
	before, began := worked(), time.Now()
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for time.Since(began) < over {
			}
		})
	}
	all.Wait()
	return (worked() - before).Seconds() / time.Since(began).Seconds() / float64(runtime.GOMAXPROCS(0))
}

// worked is how long processors have worked for this process.
func worked() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
