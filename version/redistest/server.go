//go:build unix

package redistest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is one redis-server. Its address outlives Kill and Start.
type Server struct {
	Socket string // path of the unix socket
	Addr   string // host:port

	t      testing.TB
	path   string
	port   string
	flags  []string
	proc   *os.Process
	exited chan struct{}
}

// Start starts a server that keeps nothing on disk. Without redis-server the test is skipped, or fails if
// NUDGE_TEST_REQUIRE is set. Further flags go to redis-server as they are.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		const missing = "redis-server is not installed: apt-get install redis-server"
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	// Not t.TempDir: a socket's path is 107 bytes at most, and tests have long names.
	dir, err := os.MkdirTemp("", "nudge")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, path: path, Socket: filepath.Join(dir, "redis.sock"), port: freePort(t), flags: flags}
	s.Addr = net.JoinHostPort("127.0.0.1", s.port)
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	s.Start()
	return s
}

// Start starts the server again after Kill, empty, and waits until it accepts connections.
func (s *Server) Start() {
	s.t.Helper()
	args := append([]string{
		"--port", s.port, "--bind", "127.0.0.1", "--unixsocket", s.Socket,
		"--dir", filepath.Dir(s.Socket), "--save", "", "--appendonly", "no", "--daemonize", "no",
	}, s.flags...)
	cmd := exec.Command(s.path, args...)
	cmd.SysProcAttr = dieWithParent()
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	started := make(chan error, 1)
	ready := make(chan error, 1)
	exited := make(chan struct{})
	go func() {
		runtime.LockOSThread() // the kernel ends the child with this thread, not with this process
		defer runtime.UnlockOSThread()
		defer close(exited)
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		var said strings.Builder
		for lines := bufio.NewScanner(io.TeeReader(out, &said)); lines.Scan(); {
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				ready <- nil
				io.Copy(io.Discard, out)
				break
			}
		}
		cmd.Wait()
		ready <- fmt.Errorf("redis-server ended:\n%s", said.String())
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.proc, s.exited = cmd.Process, exited
	select {
	case err = <-ready:
	case <-time.After(20 * time.Second):
		err = fmt.Errorf("redis-server did not start within 20 s")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the server as a crash would, and waits until it is gone.
func (s *Server) Kill() {
	if s.proc == nil {
		return
	}
	s.proc.Signal(syscall.SIGCONT)
	s.proc.Kill()
	<-s.exited
	s.proc = nil
}

// Freeze stops the server without closing anything; Thaw lets it go on.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.proc.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Do runs one command as redis-cli would, and fails the test on an error.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Socket, Protocol: 2, DisableIdentity: true})
	defer client.Close()
	got, err := client.Do(context.Background(), args...).Result()
	if err != nil && err != redis.Nil {
		s.t.Fatalf("redis %v: %v", args, err)
	}
	return got
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
