//go:build !linux

package parked

import (
	"errors"
	"net"
	"time"

	"nudge/gateway/stream/loop"
)

// Supported tells whether streams can be parked on this system.
const Supported = false

var errUnsupported = errors.New("streams cannot be parked on this system")

// NewPoller fails: there are no sockets to wait for.
func NewPoller() (loop.Poller, error) { return nil, errUnsupported }

// Detach fails, and closes the connection.
func Detach(c net.Conn, _ time.Duration) (int32, error) {
	c.Close()
	return -1, errUnsupported
}

// Close does nothing.
func Close(int32) {}
