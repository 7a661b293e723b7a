//go:build unix

package gateway

import (
	"sync"
	"syscall"
)

// FileLimit is how many streams the process' file limit leaves room for.
var FileLimit = sync.OnceValue(func() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 1024 - reservedFiles
	}
	return max(16, int(min(files.Cur, 1<<30))-reservedFiles)
})
