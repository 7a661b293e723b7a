//go:build !linux

package load

import (
	"context"
	"errors"
	"io"
)

var errLinux = errors.New("nudge load reads with epoll and measures with /proc, so it needs Linux; run it there, or in a container")

// Run says that it needs Linux.
func Run(context.Context, Options) (*Result, error) { return nil, errLinux }

// Worker says that it needs Linux.
func Worker(io.Reader, io.Writer) error { return errLinux }
