//go:build !unix

package exectest

import (
	"context"
	"os/exec"
)

// Command is exec.Command: here a program does not end with this process.
func Command(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

// CommandContext is exec.CommandContext.
func CommandContext(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, name, args...)
}
