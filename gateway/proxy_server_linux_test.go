package gateway_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proxy is a program that stands between browsers and a gateway, configured as its manual begins.
type proxy struct {
	program string
	args    func(file string) []string
	config  func(dir, listen, gateway string) string
}

var proxies = map[string]proxy{
	"nginx":                nginx(""),
	"nginx with keepalive": nginx(`proxy_http_version 1.1; proxy_set_header Connection "";`),
	"HAProxy":              {"haproxy", func(file string) []string { return []string{"-db", "-f", file} }, haproxy},
}

// nginx speaks HTTP/1.0 to what is behind it, and holds its answers back, unless told otherwise.
func nginx(location string) proxy {
	args := func(file string) []string { return []string{"-p", filepath.Dir(file), "-c", file, "-g", "daemon off;"} }
	return proxy{"nginx", args, func(dir, listen, gateway string) string {
		user := ""
		if os.Getuid() == 0 {
			user = "user root;" // its workers write below the directory of this test
		}
		var temp strings.Builder
		for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			fmt.Fprintf(&temp, "%s_temp_path %s/%s;\n", what, dir, what)
		}
		return fmt.Sprintf(`%s
pid %s/pid;
error_log stderr;
worker_processes 1;
events { worker_connections 2048; }
http {
	access_log off;
	%s
	server {
		listen %s;
		location / { proxy_pass http://%s; %s }
	}
}
`, user, dir, temp.String(), listen, gateway, location)
	}}
}

func haproxy(_, listen, gateway string) string {
	return fmt.Sprintf(`global
	maxconn 1000
defaults
	mode http
	timeout connect 5s
	timeout client 50s
	timeout server 50s
frontend browsers
	bind %s
	default_backend gateways
backend gateways
	server one %s
`, listen, gateway)
}

// before starts the proxy before the gateway, for the length of the test, and returns its URL.
func (p proxy) before(t *testing.T, r *rig) string {
	t.Helper()
	path := installed(t, p.program)
	for range 5 { // whoever takes the port meanwhile
		listen := freeAddress(t)
		dir := t.TempDir()
		file := filepath.Join(dir, "config")
		if err := os.WriteFile(file, []byte(p.config(dir, listen, strings.TrimPrefix(r.url, "http://"))), 0o600); err != nil {
			t.Fatal(err)
		}
		said := new(buffer)
		exited := run(t, said, path, p.args(file)...)
		if answers("http://"+listen+"/live", exited) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%s said:\n%s", p.program, said)
				}
			})
			return "http://" + listen
		}
		if !strings.Contains(strings.ToLower(said.String()), "address already in use") && !strings.Contains(said.String(), "cannot bind") {
			t.Fatalf("%s does not serve:\n%s", p.program, said)
		}
	}
	t.Fatalf("%s found no port", p.program)
	return ""
}

// installed is where a program is; daemons may live where only root looks. Without it the test is skipped, or
// fails if NUDGE_TEST_REQUIRE is set.
func installed(t *testing.T, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program, "/usr/local/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := program + " is not installed: apt-get install " + program
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// run runs a program for the length of the test. The channel is closed when it has ended.
func run(t *testing.T, said *buffer, path string, args ...string) <-chan struct{} {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // if the test is killed
	started, exited := make(chan error), make(chan struct{})
	go func() {
		defer close(exited)
		runtime.LockOSThread() // the kernel ends the child with this thread, not with this process
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(patience):
			cmd.Process.Kill()
			t.Errorf("%s does not end", path)
			<-exited
		}
	})
	return exited
}

// answers asks until the URL does, or its server has ended.
func answers(url string, exited <-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := &http.Client{Transport: thin{}}
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		}
		select {
		case <-exited:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

// freeAddress is an address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
