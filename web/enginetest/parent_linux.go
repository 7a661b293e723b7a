package enginetest

import "syscall"

// A test that is killed cannot end what it has started: the kernel does.
func init() { withParent = func(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL } }
