package gateway_test

import (
	"strings"
	"testing"
	"time"
)

// A proxy that ends each response after 15 s: the log says so once, and what to change. Pages that are left say nothing.
func TestLogTellsOfCutStreams(t *testing.T) {
	const says = "something in front of the gateway ends streams"
	round := func(r *rig, age func(i int) time.Duration) {
		all := opened(r, 20)
		begun := time.Now()
		for i, s := range all {
			if wait := age(i) - time.Since(begun); wait > 0 {
				time.Sleep(wait)
			}
			s.leave()
		}
		time.Sleep(time.Minute)
	}
	bubble(t, nil, func(t *testing.T, r *rig) {
		for range 3 {
			round(r, func(i int) time.Duration { return time.Duration(i*i) * time.Second / 4 })
		}
		if strings.Contains(r.log.String(), says) {
			t.Fatalf("pages were left, and the log says\n%s", r.log)
		}
		for range 4 {
			round(r, func(int) time.Duration { return 15 * time.Second })
		}
		if n := strings.Count(r.log.String(), says); n != 1 || !strings.Contains(r.log.String(), "after=15s") {
			t.Errorf("said %d times:\n%s", n, r.log)
		}
	})
}
