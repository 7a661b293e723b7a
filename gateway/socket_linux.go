package gateway

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file holds all that a loop asks of the kernel, and the one use of unsafe.

// canPark: this system has what a loop needs.
const canPark = true

// poller is an epoll instance. epoll(7) tells of many descriptors at once at a cost that depends on those with
// something to tell, not on those without.
type poller struct {
	fd     int
	bell   int // an eventfd, which wakes a poller that waits
	rung   atomic.Bool
	file   *os.File // fd, as Go's own poller knows it
	raw    syscall.RawConn
	until  time.Time          // file's read deadline
	yields bool               // look waits for its own ring
	ready  func(uintptr) bool // fetches into got and failed; made once, since it would be garbage each time
	got    int
	failed error
	buffer [256]unix.EpollEvent
	events []event
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	p := &poller{fd: fd, bell: bell}
	p.ready = func(uintptr) bool {
		if p.yields {
			p.yields = false
			p.strike() // only now: what Go's poller was told before counts no more
			return false
		}
		p.got, p.failed = p.fetch()
		return p.got > 0 || p.failed != nil
	}
	// An epoll descriptor is itself readable when it has events. So it goes into the poller of Go's runtime, and
	// a loop that waits is a parked goroutine: it holds no thread, and with GOMAXPROCS=1 stands in nobody's way.
	// os.NewFile does that for descriptors that are non-blocking.
	err = errors.Join(
		unix.SetNonblock(fd, true),
		// Edge-triggered: each ring is told once, and nobody need read the counter.
		unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, bell, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}),
	)
	if err == nil {
		p.file = os.NewFile(uintptr(fd), "epoll")
		p.raw, err = p.file.SyscallConn()
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p, nil
}

func (p *poller) close() {
	if p.file != nil {
		p.file.Close()
	} else {
		unix.Close(p.fd)
	}
	unix.Close(p.bell)
}

// ring makes wait return. Anybody may call it, until close.
func (p *poller) ring() {
	if p.rung.Swap(true) {
		return // and not heard yet
	}
	p.strike()
}

func (p *poller) strike() {
	one := [8]byte{1}
	unix.Write(p.bell, one[:]) // it fails only when the counter is full, and then it has been rung
}

// wait returns events that have come. If there are none it waits for one, or a ring, until then; zero: for ever.
func (p *poller) wait(until time.Time) ([]event, error) {
	if !until.Equal(p.until) {
		if err := p.file.SetReadDeadline(until); err != nil {
			return nil, err
		}
		p.until = until
	}
	p.got, p.failed = 0, nil
	err := p.raw.Read(p.ready)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.got, err = p.fetch() // what came at the same moment
	}
	return p.heard(p.got), errors.Join(err, p.failed)
}

// look returns events that have come, and lets other goroutines run first. It waits for a ring of its own: a loop that
// only yielded would be runnable still, and as long as something is, Go asks its own poller every 10 ms only. Whoever
// waits there, as the reader of Redis does, would be heard that late.
func (p *poller) look() ([]event, error) {
	p.yields = true
	return p.wait(time.Time{})
}

func (p *poller) fetch() (int, error) {
	for {
		n, err := unix.EpollWait(p.fd, p.buffer[:], 0)
		if err != unix.EINTR {
			return max(n, 0), os.NewSyscallError("epoll_wait", err)
		}
	}
}

// heard translates events, without the bell's own.
func (p *poller) heard(n int) []event {
	p.rung.Store(false) // before the caller looks for what the ring was for
	p.events = p.events[:0]
	for _, e := range p.buffer[:n] {
		if e.Fd == 0 { // the bell; no stream has index 0
			continue
		}
		p.events = append(p.events, event{
			tag:   tag{uint32(e.Fd), uint32(e.Pad)},
			gone:  e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0,
			wrote: e.Events&unix.EPOLLIN != 0,
			reads: e.Events&unix.EPOLLOUT != 0,
		})
	}
	return p.events
}

// add begins to watch a descriptor. Closing it ends that.
func (p *poller) add(fd int32, t tag, i interest) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, int(fd), epollEvent(t, i)))
}

// change replaces what is to be heard.
func (p *poller) change(fd int32, t tag, i interest) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, int(fd), epollEvent(t, i)))
}

// epollEvent always asks for EPOLLRDHUP, the peer has shut its side down: without it a browser that leaves would be
// found out only by the next write.
func epollEvent(t tag, i interest) *unix.EpollEvent {
	e := &unix.EpollEvent{Events: unix.EPOLLRDHUP, Fd: int32(t.index), Pad: int32(t.gen)}
	if i&writes != 0 {
		e.Events |= unix.EPOLLIN
	}
	if i&reads != 0 {
		e.Events |= unix.EPOLLOUT
	}
	return e
}

// detach takes the descriptor out of a connection of Go's, and closes the connection. What is left is one small
// number, for the caller to close.
//
// The duplicate is close-on-exec at once (F_DUPFD_CLOEXEC), so that no program that is started meanwhile
// inherits it; and it is made within Control, while the original cannot be closed. [net.TCPConn.File] would
// do less well: it makes the connection blocking, for both descriptors. Closing Go's takes it out of Go's poller,
// which otherwise would be told of its events as well.
func detach(c net.Conn, patience time.Duration) (fd int32, err error) {
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
	setPatience(fd, patience)
	setOption(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, parkedBuffer)
	return fd, nil
}

// setPatience makes the kernel end a connection whose peer takes nothing for so long; Go's keep-alive probes are not
// needed beside that.
func setPatience(fd int32, d time.Duration) {
	setOption(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int32(min(d.Milliseconds(), math.MaxInt32)))
}

// setOption sets an option of a socket. If that fails the stream serves all the same, only less well.
func setOption(fd int32, level, name uintptr, value int32) {
	syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), level, name, uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
}

// send writes what the kernel takes at once, which may be nothing, without waiting: MSG_DONTWAIT whatever the descriptor's own mode, MSG_NOSIGNAL since a peer that has
// gone is no reason for a SIGPIPE. It is a raw system call: it cannot block, so the scheduler need not be told, which
// would cost more than it is worth for thousands of calls in a row.
func send(fd int32, b []byte) (int, error) {
	for len(b) > 0 {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
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

// finish says that no more will come, and leaves reading open: to close with unread bytes would reset the connection,
// and a reset may overtake what was sent last.
func finish(fd int32) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) }

// discard reads what nobody wants. It reports whether more may come.
func discard(fd int32) bool {
	var b [4096]byte
	for {
		n, err := unix.Read(int(fd), b[:])
		switch {
		case n > 0 || err == unix.EINTR:
		case err == unix.EAGAIN:
			return true
		default:
			return false
		}
	}
}

func closeSocket(fd int32) { _ = unix.Close(int(fd)) }

// pendingError is the error that a socket has to tell, which it tells once.
func pendingError(fd int32) error {
	errno, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || errno == 0 {
		return err
	}
	return syscall.Errno(errno)
}

// gaveUp tells whether the kernel gave the peer up, after TCP_USER_TIMEOUT.
func gaveUp(err error) bool { return errors.Is(err, unix.ETIMEDOUT) }
