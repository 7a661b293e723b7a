package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Addresses that are no host:port begin like this: the path of a unix socket, or a socket that systemd passes, by name or the
// first one.
const (
	pathBegin = "/"
	systemd   = "systemd"
)

// open listens on an address: host:port, the path of a unix socket, systemd or systemd:NAME.
func open(address string, mode fs.FileMode) (net.Listener, error) {
	if name, ok := strings.CutPrefix(address, systemd); ok && (name == "" || name[0] == ':') {
		return passed(strings.TrimPrefix(name, ":"), firstPassed, os.Getpid(), os.Getenv)
	}
	if strings.HasPrefix(address, pathBegin) {
		return openSocket(address, mode)
	}
	return listenTCP(address)
}

var errNoSocket = errors.New("there is a file of this name, and it is no socket")

// openSocket listens on a unix socket. A socket that a dead process left is removed.
func openSocket(path string, mode fs.FileMode) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s: %w", path, errNoSocket)
	default:
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
			return nil, fmt.Errorf("%s: %w", path, syscall.EADDRINUSE)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return localListener{l}, nil
}

// firstPassed is the first file descriptor that systemd passes (sd_listen_fds).
const firstPassed = 3

var errNonePassed = errors.New("systemd has passed no such socket (LISTEN_FDS, LISTEN_FDNAMES)")

// passed returns a socket that systemd has passed to this process: the one of this name (FileDescriptorName), or the first.
func passed(name string, first, pid int, lookup func(string) string) (net.Listener, error) {
	count, err := strconv.Atoi(lookup("LISTEN_FDS"))
	if err != nil || count < 1 || lookup("LISTEN_PID") != strconv.Itoa(pid) {
		return nil, errNonePassed
	}
	place := 0
	if name != "" {
		place = slices.Index(strings.Split(lookup("LISTEN_FDNAMES"), ":"), name)
	}
	if place < 0 || place >= count {
		return nil, errNonePassed
	}
	file := os.NewFile(uintptr(first+place), name)
	defer file.Close() // FileListener has its own
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errNonePassed, err)
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // systemd keeps it
		return localListener{l}, nil
	}
	return l, nil
}

// localListener is a unix socket. Who connects to it is on this machine: a proxy, which counts as 127.0.0.1.
type localListener struct{ net.Listener }

func (l localListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return localConn{c.(*net.UnixConn)}, nil
}

type localConn struct{ *net.UnixConn }

// RemoteAddr implements [net.Conn]. Other programs have no address here, and limits and trusted proxies go by addresses.
func (localConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
