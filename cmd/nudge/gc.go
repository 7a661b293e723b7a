package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// How much garbage may collect, in percent of the memory in use (GOGC). Idle streams make hardly any garbage, so an early
// collection costs nothing and keeps the process small. When many streams connect at once, each makes seven kilobytes: with
// gcIdle their connects took a tenth longer. With gcBurst all the time, 584 B of each stream stayed in one run of three.
const (
	gcIdle  = 50
	gcBurst = 100
)

// limitMemory makes the process small, unless the environment says otherwise. Call it before anything else.
func limitMemory() {
	// The heap profile's bookkeeping needs more memory than 10,000 idle streams. With GODEBUG=memprofilerate=524288
	// the runtime has already switched it on.
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

// connectBurst follows gateway.Options.ConnectBurst. Memory that the burst needed is returned to the system afterwards.
func connectBurst(begins bool) {
	if begins {
		setGC(gcBurst)
		return
	}
	setGC(gcIdle)
	debug.FreeOSMemory()
}
