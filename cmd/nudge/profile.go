package main

import (
	"os"
	"runtime"
	"strings"
)

// leanProfiles takes no samples for the heap profile, unless the environment asks for them: their bookkeeping needs
// more memory than 10,000 idle streams. GODEBUG=memprofilerate=524288 is Go's own way to ask, and has
// then been followed already.
func leanProfiles() {
	if !strings.Contains(os.Getenv("GODEBUG"), "memprofilerate=") {
		runtime.MemProfileRate = 0
	}
}
