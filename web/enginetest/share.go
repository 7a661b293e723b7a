//go:build unix

package enginetest

import (
	"slices"
	"sync"
	"testing"
)

// Share lets the tests of a package have one Firefox together, each with a profile of its own: a profile costs a fifth of a
// start. For Chromium it is the same as a start. TestMain calls Share before the tests, and end after them.
func Share() (end func()) {
	shared = &together{}
	return func() {
		for _, end := range slices.Backward(shared.ends) {
			end()
		}
		shared = nil
	}
}

// shared is the Firefox of all tests; nil: each test has its own.
var shared *together

// together is a Firefox that runs until all tests have ended.
type together struct {
	starting sync.Mutex // held while it starts: others wait for it
	firefox  *firefox   // nil until the first test needs it
	ends     []func()
}

// Cleanup has it called after all tests.
func (s *together) Cleanup(end func()) { s.ends = append(s.ends, end) }

// take returns the browser, which the first test starts.
func (s *together) take(t testing.TB) *firefox {
	t.Helper()
	s.starting.Lock()
	defer s.starting.Unlock()
	if s.firefox == nil {
		s.firefox = startFirefox(t, s, Options{})
	}
	return s.firefox
}
