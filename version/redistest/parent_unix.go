//go:build unix && !linux

package redistest

import "syscall"

// dieWithParent has no counterpart here.
func dieWithParent() *syscall.SysProcAttr { return nil }
