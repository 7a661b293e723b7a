package parked

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nudge/gateway/stream/loop"
)

// Supported reports whether streams can be parked on this system.
const Supported = true

// poller is an epoll instance for one loop. The cost of epoll(7) depends on the number of sockets with events, not on the number
// of all sockets.
type poller struct {
	fd     int
	bell   int         // an eventfd, which wakes a waiting poller
	rung   atomic.Bool // since the last Wait or Look
	file   *os.File    // fd, registered with Go's own poller
	raw    syscall.RawConn
	until  time.Time          // file's read deadline
	yields bool               // Look has yet to ring its own bell
	ready  func(uintptr) bool // fetches into buffer, got and failed; made once to avoid garbage
	got    int
	failed error
	buffer [256]unix.EpollEvent
	events []loop.Event
	line   line // the last that was asked for
}

// NewPoller returns a poller for sockets from [Detach].
func NewPoller() (loop.Poller, error) {
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
			p.strike() // only now: an event before this call would not wake it
			return false
		}
		p.got, p.failed = p.fetch()
		return p.got > 0 || p.failed != nil
	}
	// An epoll descriptor is itself readable when it has events. So Go's own poller can wait for it, and a loop that waits is
	// a parked goroutine: it holds no thread, and with GOMAXPROCS=1 blocks no other goroutine. os.NewFile does that for
	// non-blocking descriptors.
	err = errors.Join(
		unix.SetNonblock(fd, true),
		// Edge-triggered: each ring is one event, and the counter need not be read.
		unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, bell, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}),
	)
	if err == nil {
		p.file = os.NewFile(uintptr(fd), "epoll")
		p.raw, err = p.file.SyscallConn()
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p, nil
}

// Close implements [loop.Poller].
func (p *poller) Close() {
	if p.file != nil {
		p.file.Close()
	} else {
		unix.Close(p.fd)
	}
	unix.Close(p.bell)
}

// Ring implements [loop.Poller].
func (p *poller) Ring() {
	if p.rung.Swap(true) {
		return // the loop will look for work anyway
	}
	p.strike()
}

// strike makes the bell's eventfd readable.
func (p *poller) strike() {
	one := [8]byte{1}
	unix.Write(p.bell, one[:]) // it fails only if the counter is full, and then it is readable anyway
}

// Wait implements [loop.Poller].
func (p *poller) Wait(until time.Time) ([]loop.Event, error) {
	if !until.Equal(p.until) {
		if err := p.file.SetReadDeadline(until); err != nil {
			return nil, err
		}
		p.until = until
	}
	p.got, p.failed = 0, nil
	err := p.raw.Read(p.ready)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.got, err = p.fetch() // events that came at the same moment
	}
	return p.translate(p.got), errors.Join(err, p.failed)
}

// Look implements [loop.Poller]. It rings its own bell and waits for that. If the loop only yielded, it would stay runnable.
// While any goroutine is runnable, Go asks its own poller only every 10 ms, and the reader of Redis, which waits there, would
// be that late.
func (p *poller) Look() ([]loop.Event, error) {
	p.yields = true
	return p.Wait(time.Time{})
}

// fetch returns how many events it put into buffer.
func (p *poller) fetch() (int, error) {
	for {
		n, err := unix.EpollWait(p.fd, p.buffer[:], 0)
		if err != unix.EINTR {
			return max(n, 0), os.NewSyscallError("epoll_wait", err)
		}
	}
}

// translate converts the first n events of buffer, without those of the bell.
func (p *poller) translate(n int) []loop.Event {
	p.rung.Store(false) // before the loop looks for work, so that no later ring is lost
	p.events = p.events[:0]
	for _, e := range p.buffer[:n] {
		if e.Fd == 0 { // the bell; no stream has index 0
			continue
		}
		p.events = append(p.events, loop.Event{
			Tag:      loop.Tag{Index: uint32(e.Fd), Gen: uint32(e.Pad)},
			Gone:     e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0,
			Sent:     e.Events&unix.EPOLLIN != 0,
			Writable: e.Events&unix.EPOLLOUT != 0,
		})
	}
	return p.events
}

// Add implements [loop.Poller]. Closing the socket ends it.
func (p *poller) Add(fd int32, t loop.Tag, i loop.Interest) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, t, i)
}

// Line implements [loop.Poller].
func (p *poller) Line(fd int32, t loop.Tag) loop.Line {
	p.line = line{p, fd, t}
	return &p.line
}

// control adds or changes a socket. It always asks for EPOLLRDHUP, which says that the peer has closed its side: without it, only
// the next write would fail.
func (p *poller) control(op int, fd int32, t loop.Tag, i loop.Interest) error {
	e := unix.EpollEvent{Events: unix.EPOLLRDHUP, Fd: int32(t.Index), Pad: int32(t.Gen)}
	if i&loop.OnSent != 0 {
		e.Events |= unix.EPOLLIN
	}
	if i&loop.OnWritable != 0 {
		e.Events |= unix.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, int(fd), &e))
}
