//go:build linux

package load

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// address converts a target or a source for the kernel.
func address(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// dial begins to connect. If done is true, the socket is connected already, as over loopback. Otherwise the socket becomes
// writable when it is connected.
func dial(to unix.Sockaddr, from unix.Sockaddr) (fd int, done bool, err error) {
	family := unix.AF_INET
	if _, six := to.(*unix.SockaddrInet6); six {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, false, err
	}
	if from != nil {
		// So connect chooses the port, and may use one port for many destinations. If bind chose it, no other
		// connection could use it.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err := unix.Bind(fd, from); err != nil {
			unix.Close(fd)
			return -1, false, fmt.Errorf("connect from this source: %w", err)
		}
	}
	err = unix.Connect(fd, to)
	if err == nil || err == unix.EINPROGRESS {
		return fd, err == nil, nil
	}
	unix.Close(fd)
	return -1, false, err
}

// outcome returns the result of a connect that was not done at once.
func outcome(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if code != 0 {
		return unix.Errno(code)
	}
	return nil
}

// poll is an epoll. The owner gives each descriptor a number, which events carry.
type poll struct {
	fd     int
	events [512]unix.EpollEvent
}

func newPoll() (*poll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &poll{fd: fd}, nil
}

// add watches fd for reading and, with writing, for writing. Closing fd removes it.
func (p *poll) add(fd, number int, writing bool) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, interest(number, writing))
}

func (p *poll) change(fd, number int, writing bool) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, interest(number, writing))
}

func interest(number int, writing bool) *unix.EpollEvent {
	e := &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(number)}
	if writing {
		e.Events |= unix.EPOLLOUT
	}
	return e
}

// wait waits for events, ms milliseconds at most.
func (p *poll) wait(ms int) ([]unix.EpollEvent, error) {
	n, err := unix.EpollWait(p.fd, p.events[:], ms)
	if err == unix.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p.events[:n], nil
}

func (p *poll) close() { unix.Close(p.fd) }
