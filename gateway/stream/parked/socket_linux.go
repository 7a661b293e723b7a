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

// This file has the only use of unsafe.

// parkedBuffer is the SendBuffer of a parked stream, in bytes. On loopback the kernel takes as many small events in a row as
// with 16 KiB; with 4 KiB only thirty.
const parkedBuffer = 8 << 10

// Detach duplicates the socket of a connection, and closes the connection, also after an error. The caller must close the
// duplicate. patience is how long the peer may read nothing.
//
// The duplicate is close-on-exec from the start (F_DUPFD_CLOEXEC), so that no program started meanwhile inherits it. It is made
// within Control, while the original cannot be closed. [net.TCPConn.File] would make both descriptors blocking. Closing Go's
// descriptor removes it from Go's poller, which would otherwise get its events too.
func Detach(c net.Conn, patience time.Duration) (fd int32, err error) {
	defer c.Close()
	socket, ok := c.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("a %T cannot be parked", c)
	}
	raw, err := socket.SyscallConn()
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
	// The kernel ends the connection after that time. So Go's keep-alive probes are not needed.
	setOption(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int32(min(patience.Milliseconds(), math.MaxInt32)))
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

// Send implements [loop.Line]. MSG_DONTWAIT keeps it from blocking in any mode of the descriptor. MSG_NOSIGNAL avoids a SIGPIPE
// if the peer has closed. It is a raw system call: it cannot block, so telling the scheduler would only cost time.
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

// Finish implements [loop.Line]. Reading stays open: closing a socket with unread bytes resets the connection, and then the peer
// may lose what was sent last.
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

// Stuck implements [loop.Line]. SO_ERROR returns the socket's error only once.
func (l *line) Stuck(err error) bool {
	if errors.Is(err, unix.ETIMEDOUT) {
		return true
	}
	errno, err := unix.GetsockoptInt(int(l.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	return err == nil && syscall.Errno(errno) == unix.ETIMEDOUT
}

// Close implements [loop.Line].
func (l *line) Close(stream.Reason) { Close(l.fd) }

// setOption sets an option of a socket. It ignores errors: the stream works without, but wastes memory or ends late.
func setOption(fd int32, level, name uintptr, value int32) {
	syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), level, name, uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
}
