//go:build unix

package redistest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// Server is one redis-server. Its address outlives Kill and Start.
type Server struct {
	Socket string // path of the unix socket
	Addr   string // host:port
	Dir    string // where it keeps files

	process
	t    testing.TB
	port string
	bus  string // the port on which the nodes of a Cluster talk to one another
}

// Start starts a server that keeps nothing on disk. Without redis-server the test is skipped, or fails if
// NUDGE_TEST_REQUIRE is set. Further flags go to redis-server as they are.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	s := prepare(t, flags...)
	s.Start()
	return s
}

// prepare makes a server that is not started yet. When the test is over it is gone.
func prepare(t testing.TB, flags ...string) *Server {
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
	s := &Server{t: t, port: FreePort(t), bus: FreePort(t), Dir: dir, Socket: filepath.Join(dir, "redis.sock")}
	s.path, s.ready = path, "Ready to accept connections"
	s.Addr = net.JoinHostPort("127.0.0.1", s.port)
	s.args = append([]string{
		"--port", s.port, "--bind", "127.0.0.1", "--unixsocket", s.Socket,
		"--cluster-port", s.bus, // by itself a Cluster's node takes port + 10,000, which the system may have given away
		"--dir", dir, "--save", "", "--appendonly", "no", "--daemonize", "no",
		"--repl-diskless-sync-delay", "0", // a replica is to be there at once
	}, append(asked(), flags...)...)
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	return s
}

// Start starts the server again after Kill, with what its flags made it keep on disk, and waits until it
// accepts connections.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// startAll starts servers side by side.
func startAll(t testing.TB, servers ...*Server) {
	t.Helper()
	var group errgroup.Group
	for _, s := range servers {
		group.Go(s.start)
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
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
	got, err := s.Try(args...)
	if err != nil {
		s.t.Fatalf("redis %v: %v", args, err)
	}
	return got
}

// Try runs one command as redis-cli would. An answer of nil is no error.
func (s *Server) Try(args ...any) (any, error) {
	client := redis.NewClient(&redis.Options{Addr: s.Socket, Protocol: 2, DisableIdentity: true, MaxRetries: -1})
	defer client.Close()
	got, err := client.Do(context.Background(), args...).Result()
	if err == redis.Nil {
		err = nil
	}
	return got, err
}

// Info is one field of INFO; "" if there is none, or no server.
func (s *Server) Info(field string) string {
	text, _ := s.Try("INFO", "everything")
	all, _ := text.(string)
	for line := range strings.Lines(all) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return value
		}
	}
	return ""
}

// Follow makes the server a replica of master, and waits until it has its data.
func (s *Server) Follow(master *Server) {
	s.t.Helper()
	s.Do("REPLICAOF", "127.0.0.1", master.port)
	Until(s.t, "a replica in step with its master", func() bool { return s.Info("master_link_status") == "up" })
}

// Until waits for servers, which tell nobody by themselves.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); !ok(); {
		select {
		case <-limit:
			t.Fatalf("no %s within 20 s", what)
		case <-tick.C:
		}
	}
}
