package limits

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// unknownMemory is what a process is taken to have on systems that do not say.
const unknownMemory = 8 << 30

// memoryStreams returns how many goroutine streams fit into half of the memory that the process may have.
func memoryStreams() int {
	return max(16, int(min(debug.SetMemoryLimit(-1), systemMemory())/2/goroutineCost))
}

var systemMemory = sync.OnceValue(func() int64 { return memoryOf(os.DirFS("/")) })

// memoryOf returns the memory of the machine, or of the control group (a container) if that has less.
func memoryOf(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	take := func(bytes int64) {
		if bytes > 0 {
			least = min(least, bytes)
		}
	}
	for line := range strings.Lines(readFile(root, "proc/meminfo")) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			take(kib << 10)
		}
	}
	for line := range strings.Lines(readFile(root, "proc/self/cgroup")) {
		// hierarchy:controllers:path; version 2 has no controllers
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		top, name := "sys/fs/cgroup", "memory.max"
		if f[1] == "memory" {
			top, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if f[1] != "" {
			continue
		}
		for group := path.Clean("/" + f[2]); ; group = path.Dir(group) { // the limits of all groups above hold too
			bytes, err := strconv.ParseInt(strings.TrimSpace(readFile(root, path.Join(top, group, name))), 10, 64)
			if err == nil { // "max" is no limit
				take(bytes)
			}
			if group == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return unknownMemory
	}
	return least
}

func readFile(root fs.FS, name string) string {
	text, _ := fs.ReadFile(root, name) // what is not there says nothing
	return string(text)
}
