package parked

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
)

// This file has the one use of unsafe.

// parkedBuffer is SendBuffer for a stream that has its connection to itself. On loopback the kernel takes as many small
// events in a row as with twice as much; with half of it, thirty.
const parkedBuffer = 8 << 10

// Detach takes the socket out of a TCP connection, and closes the connection. What is left is one small number, for the
// caller to close. Patience is for how long the peer may take nothing.
//
// The duplicate is close-on-exec at once (F_DUPFD_CLOEXEC), so that no program that is started meanwhile inherits it; and it
// is made within Control, while the original cannot be closed. [net.TCPConn.File] would be worse: it makes the connection
// blocking, for both descriptors. Closing Go's descriptor takes it out of Go's poller, which otherwise would be told of its
// events as well.
func Detach(c net.Conn, patience time.Duration) (fd int32, err error) {
	defer c.Close()
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return -1, fmt.Errorf("a %T cannot be parked", c)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1, err
	}
	var errno syscall.Errno
	err = raw.Control(func(original uintptr) {
		var n uintptr
		n, _, errno = syscall.RawSyscall(unix.SYS_FCNTL, original, unix.F_DUPFD_CLOEXEC, 3)
		fd = int32(n)
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("fcntl", errno)
	}
	if err != nil {
		return -1, err
	}
	(&line{fd: fd}).SetPatience(patience)
	setOption(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, parkedBuffer)
	return fd, nil
}

// Close closes a socket from [Detach] that no loop took.
func Close(fd int32) { _ = unix.Close(int(fd)) }

// line is the line of one socket.
type line struct {
	poller *poller
	fd     int32
	tag    loop.Tag
}

// Watch implements [loop.Line].
func (l *line) Watch(i loop.Interest) error {
	return l.poller.control(unix.EPOLL_CTL_MOD, l.fd, l.tag, i)
}

// Send implements [loop.Line]: MSG_DONTWAIT whatever the descriptor's own mode, MSG_NOSIGNAL since a peer that has gone is
// no reason for a SIGPIPE. It is a raw system call: it cannot block, so the scheduler need not be told, which would cost more
// than it is worth for thousands of calls in a row.
func (l *line) Send(b []byte, _ bool) (int, error) {
	for len(b) > 0 {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(l.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
	return 0, nil
}

// Finish implements [loop.Line]. Reading stays open: a close with unread bytes resets the connection, and a reset may
// overtake what was sent last.
func (l *line) Finish() { _ = unix.Shutdown(int(l.fd), unix.SHUT_WR) }

// Discard implements [loop.Line].
func (l *line) Discard() bool {
	var b [4096]byte
	for {
		n, err := unix.Read(int(l.fd), b[:])
		switch {
		case n > 0 || err == unix.EINTR:
		case err == unix.EAGAIN:
			return true
		default:
			return false
		}
	}
}

// SetPatience implements [loop.Line]: the kernel ends the connection after that time. Go's keep-alive probes are not needed
// beside it.
func (l *line) SetPatience(d time.Duration) {
	setOption(l.fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int32(min(d.Milliseconds(), math.MaxInt32)))
}

// Stuck implements [loop.Line]. The socket tells its error once.
func (l *line) Stuck(err error) bool {
	if errors.Is(err, unix.ETIMEDOUT) {
		return true
	}
	errno, err := unix.GetsockoptInt(int(l.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	return err == nil && syscall.Errno(errno) == unix.ETIMEDOUT
}

// Close implements [loop.Line].
func (l *line) Close(stream.Reason) { Close(l.fd) }

// setOption sets an option of a socket. If that fails the stream serves all the same, only less well.
func setOption(fd int32, level, name uintptr, value int32) {
	syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), level, name, uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
}
