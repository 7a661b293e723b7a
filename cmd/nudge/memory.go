package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// How much garbage may lie about, in percent of what is in use (GOGC). Idle streams leave hardly any, so collecting it
// early costs nothing and keeps the process small. A crowd that connects leaves seven kilobytes for each stream of a hundred
// bytes; collecting that as early costs a tenth of a connect more, and later leaves a larger process behind.
const (
	gcIdle  = 50
	gcCrowd = 100
)

// limitMemory makes the process small, as far as the environment does not say otherwise. To be called first of all.
func limitMemory() {
	// The heap profile's bookkeeping needs more memory than 10,000 idle streams. GODEBUG=memprofilerate=524288 is Go's
	// own way to ask for it, and has then been followed already.
	if !strings.Contains(os.Getenv("GODEBUG"), "memprofilerate=") {
		runtime.MemProfileRate = 0
	}
	setGC(gcIdle)
}

// setGC sets the share of garbage, unless GOGC in the environment has.
func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// crowd follows gateway.Options.Crowd. What a crowd needed, nobody may need again: it goes back to the system.
func crowd(comes bool) {
	if comes {
		setGC(gcCrowd)
		return
	}
	setGC(gcIdle)
	debug.FreeOSMemory()
}
