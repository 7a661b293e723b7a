package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// gcPercent is how much garbage may collect, in percent of the memory in use (GOGC). Idle streams make hardly any garbage, so
// an early collection costs nothing and keeps the process small. For a crowd that connects no cost could be measured.
const gcPercent = 50

// limitMemory makes the process small, unless the environment says otherwise. Call it before anything else.
func limitMemory() {
	// The heap profile's bookkeeping needs more memory than 10,000 idle streams. With GODEBUG=memprofilerate=524288
	// the runtime has already switched it on.
	if !strings.Contains(os.Getenv("GODEBUG"), "memprofilerate=") {
		runtime.MemProfileRate = 0
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
