//go:build unix

package exectest

import (
	"context"
	"os/exec"
	"sync"
	"syscall"
)

// Command is exec.Command, for a program that ends with this process.
func Command(name string, args ...string) *exec.Cmd { return shared().Add(exec.Command(name, args...)) }

// CommandContext is exec.CommandContext, for a program that ends with this process.
func CommandContext(ctx context.Context, name string, args ...string) *exec.Cmd {
	return shared().Add(exec.CommandContext(ctx, name, args...))
}

var shared = sync.OnceValue(NewGroup)

// Group is a process group, which ends as a whole: programs, and what they have started.
type Group struct{ guard *exec.Cmd }

// NewGroup starts a group. It panics if it cannot.
func NewGroup() *Group {
	// The first process of the group waits until its input ends, as it does when this process ends, and then kills the group.
	// Unlike a signal that the kernel sends to children of a parent that died, this reaches the children of children, is not
	// tied to a thread, and works on every Unix. The kernel sends HUP to a group that has lost its parent while a member is stopped.
	g := &Group{exec.Command("/bin/sh", "-c", "trap '' HUP INT TERM; read -r _; kill -KILL 0")}
	g.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := g.guard.StdinPipe(); err != nil { // exec.Cmd keeps it open
		panic(err)
	}
	if err := g.guard.Start(); err != nil {
		panic(err)
	}
	return g
}

// Command is exec.Command, for a program in the group.
func (g *Group) Command(name string, args ...string) *exec.Cmd {
	return g.Add(exec.Command(name, args...))
}

// Add puts a program that has not started into the group, and returns it.
func (g *Group) Add(cmd *exec.Cmd) *exec.Cmd {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pgid = true, g.guard.Process.Pid
	return cmd
}

// Kill ends all programs of the group. A second call does nothing. Nothing more can start in the group.
func (g *Group) Kill() {
	if g.guard.ProcessState == nil {
		syscall.Kill(-g.guard.Process.Pid, syscall.SIGKILL)
		g.guard.Wait()
	}
}
