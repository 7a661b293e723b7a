//go:build unix

package faults

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nudge/version/redis"
)

func TestMain(m *testing.M) {
	redis.Quiet()
	goleak.VerifyTestMain(m)
}

// scenario is one fault.
type scenario struct {
	name   string
	short  bool // part of the quick subset
	expect expect
	play   func(*stage) // until the fault is repaired, and whatever else is to be seen of it
	// apart runs it in a process of its own, for which the variable apart is set; nil: not needed.
	apart func(*testing.T, scenario) line
}

const apart = "NUDGE_FAULTS_APART"

// TestFaults plays all scenarios, several side by side since most of their time is waiting, each with servers of its
// own. NUDGE_FAULTS asks for them, since they take minutes; NUDGE_FAULTS_JSON names a file for what came of it.
func TestFaults(t *testing.T) {
	if os.Getenv("NUDGE_FAULTS") == "" {
		t.Skip("takes minutes: make faults")
	}
	var mu sync.Mutex
	var lines []line
	all := slices.Concat(standaloneFaults, networkFaults, namespaceFaults, refusedFaults, dataLossFaults, sentinelFaults, clusterFaults)
	t.Run("scenarios", func(t *testing.T) {
		for _, sc := range slices.Backward(all) { // those of many servers first, since they take longest
			if testing.Short() && !sc.short {
				continue
			}
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				var l line
				defer func() { // also when it was given up
					mu.Lock()
					defer mu.Unlock()
					l.Fault = sc.name
					lines = append(lines, l)
				}()
				l = sc.run(t)
			})
		}
	})
	order := map[string]int{}
	for i, sc := range all {
		order[sc.name] = i
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(order[a.Fault], order[b.Fault]) })
	if err := printSummary(os.Stdout, lines); err != nil {
		t.Error(err)
	}
	if path := os.Getenv("NUDGE_FAULTS_JSON"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := encodeSummary(f, lines); err != nil {
			t.Error(err)
		}
	}
}

// run plays the scenario and judges it.
func (sc scenario) run(t *testing.T) line {
	t.Helper()
	if sc.apart != nil && os.Getenv(apart) == "" {
		return sc.apart(t, sc)
	}
	if sc.expect.within == 0 {
		sc.expect.within = 2 * time.Second
	}
	s := newStage(t, sc.expect)
	sc.play(s)
	r := s.finish()
	complaints := judge(r, s.expect)
	const most = 10
	for _, c := range complaints[:min(most, len(complaints))] {
		t.Error(c)
	}
	if more := len(complaints) - most; more > 0 {
		t.Errorf("… and %d more complaints", more)
	}
	if t.Failed() {
		t.Logf("fault at %v, repaired at %v; the log of the gateway:\n%s", r.fault, r.repair, strings.TrimSpace(s.log.String()))
	}
	return sumUp(r, s.expect, sc.name, !t.Failed())
}
