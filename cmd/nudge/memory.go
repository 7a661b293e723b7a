package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// gcPercent is how much garbage may lie about, in percent of what is in use (GOGC). Idle streams leave hardly any, so
// collecting it early costs nothing and keeps the process small. It costs a crowd nothing that could be measured.
const gcPercent = 50

// limitMemory makes the process small, as far as the environment does not say otherwise. To be called first of all.
func limitMemory() {
	// The heap profile's bookkeeping needs more memory than 10,000 idle streams. GODEBUG=memprofilerate=524288 is Go's
	// own way to ask for it, and has then been followed already.
	if !strings.Contains(os.Getenv("GODEBUG"), "memprofilerate=") {
		runtime.MemProfileRate = 0
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
