//go:build !linux

package parked

import (
	"errors"
	"net"
	"time"

	"nudge/gateway/stream/loop"
)

// Supported reports whether streams can be parked on this system.
const Supported = false

var errUnsupported = errors.New("streams cannot be parked on this system")

// NewPoller always fails.
func NewPoller() (loop.Poller, error) { return nil, errUnsupported }

// Detach always fails. It closes the connection.
func Detach(c net.Conn, _ time.Duration) (int32, error) {
	c.Close()
	return -1, errUnsupported
}

// Close does nothing.
func Close(int32) {}
