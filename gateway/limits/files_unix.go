//go:build unix

package limits

import (
	"sync"
	"syscall"
)

// Files returns how many streams the process' file limit leaves room for.
var Files = sync.OnceValue(func() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 1024 - reservedFiles
	}
	return max(16, int(min(files.Cur, 1<<30))-reservedFiles)
})
