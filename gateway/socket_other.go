//go:build !linux

package gateway

import (
	"errors"
	"net"
	"time"
)

// canPark: this system has no loops yet. Streams are served by goroutines.
const canPark = false

var errNoLoops = errors.New("streams cannot be parked on this system")

type poller struct{}

func newPoller() (*poller, error)                       { return nil, errNoLoops }
func (*poller) close()                                  {}
func (*poller) ring()                                   {}
func (*poller) wait(time.Time) ([]event, error)         { return nil, errNoLoops }
func (*poller) look() ([]event, error)                  { return nil, errNoLoops }
func (*poller) add(int32, tag, interest) error          { return errNoLoops }
func (*poller) change(int32, tag, interest) error       { return errNoLoops }
func detach(c net.Conn, _ time.Duration) (int32, error) { c.Close(); return -1, errNoLoops }
func send(int32, []byte) (int, error)                   { return 0, errNoLoops }
func finish(int32)                                      {}
func discard(int32) bool                                { return false }
func closeSocket(int32)                                 {}
func setPatience(int32, time.Duration)                  {}
func pendingError(int32) error                          { return nil }
func gaveUp(error) bool                                 { return false }
