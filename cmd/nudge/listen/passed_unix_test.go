//go:build unix

package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPassedSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nudge.sock")
	for _, address := range []string{"127.0.0.1:0", path} {
		l, err := open(address, 0o600)
		must(t, err)
		var inner interface{ File() (*os.File, error) }
		switch l := l.(type) {
		case localListener:
			inner = l.Listener.(*net.UnixListener)
		case *net.TCPListener:
			inner = l
		}
		file, err := inner.File()
		must(t, err)
		fd, err := syscall.Dup(int(file.Fd())) // which passed closes
		must(t, err)
		file.Close()
		env := map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "ops:public"}
		lookup := func(name string) string { return env[name] }
		got, err := passed("public", fd-1, 7, lookup)
		must(t, err)
		if got.Addr().String() != l.Addr().String() {
			t.Errorf("listens on %s, want %s", got.Addr(), l.Addr())
		}
		got.Close()
		if _, err := os.Stat(path); address == path && err != nil {
			t.Errorf("the socket of systemd was removed: %v", err)
		}
		l.Close()
		for _, wrong := range []struct {
			name string
			pid  int
		}{{"absent", 7}, {"public", 8}} {
			if _, err := passed(wrong.name, fd, wrong.pid, lookup); !errors.Is(err, errNonePassed) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("our own socket is left: %v", err)
	}
}
