package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// How much garbage may collect, in percent of the memory in use (GOGC). Idle streams make hardly any garbage, so an early
// collection costs nothing and keeps the process small. While many streams connect, each leaves 7 kB of garbage and keeps
// about 100 bytes. Collecting that as early makes a connect a tenth more expensive; collecting it later leaves a larger process.
const (
	gcIdle  = 50
	gcCrowd = 100
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

// setGC sets GOGC to percent, unless the environment sets it.
func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// crowd is called for gateway.Options.Crowd: many streams begin, or have ended, to connect. Afterwards it returns the memory
// that they needed to the system.
func crowd(comes bool) {
	if comes {
		setGC(gcCrowd)
		return
	}
	setGC(gcIdle)
	debug.FreeOSMemory()
}
