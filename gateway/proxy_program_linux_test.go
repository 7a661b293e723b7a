package gateway_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/internal/exectest"
	"nudge/version/redistest"
)

// hop is a program between browsers and a gateway. It listens at an address, and asks the next hop at another one.
type hop struct {
	program string
	config  func(dir, listen, next string) (string, error)
}

// args are what each program is started with.
var args = map[string]func(dir, file, listen string) []string{
	"nginx":   func(dir, file, _ string) []string { return []string{"-p", dir, "-c", file, "-g", "daemon off;"} },
	"haproxy": func(_, file, _ string) []string { return []string{"-db", "-f", file} },
	"apache2": func(_, file, _ string) []string { return []string{"-f", file, "-DFOREGROUND"} },
	"caddy":   func(_, file, _ string) []string { return []string{"run", "--config", file, "--adapter", "caddyfile"} },
	"varnishd": func(dir, file, listen string) []string {
		return []string{"-j", "none", "-F", "-n", filepath.Join(dir, "varnish"), "-f", file, "-a", listen, "-p", varnishParameter}
	},
}

// packages has Debian's name for programs whose package is called differently.
var packages = map[string]string{"apache2": "apache2-bin", "varnishd": "varnish", "promtool": "prometheus"}

// frames are the configuration around what one writes: where files are, and nothing that a stream notices.
var frames = map[string]func(dir, listen, config string) string{
	"nginx": func(dir, _, config string) string {
		user := ""
		if os.Getuid() == 0 {
			user = "user root;" // its workers write below the directory of this test
		}
		var temp strings.Builder
		for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			fmt.Fprintf(&temp, "%s_temp_path %s/%s;\n", what, dir, what)
		}
		return fmt.Sprintf("%s pid %s/pid; error_log stderr; worker_processes 1; events { worker_connections 2048; }\nhttp { access_log off;\n%s%s}\n",
			user, dir, &temp, config)
	},
	"haproxy": func(_, _, config string) string { return "global\n\tmaxconn 1000\n" + config },
	"apache2": func(dir, listen, config string) string {
		var modules strings.Builder
		for _, name := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "ssl", "http2", "headers", "filter", "deflate"} {
			fmt.Fprintf(&modules, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", name, name)
		}
		user := ""
		if os.Getuid() == 0 {
			user = "User www-data\nGroup www-data\n"
		}
		return fmt.Sprintf("%s%sServerName localhost\nPidFile %s/pid\nDefaultRuntimeDir %s\nErrorLog /dev/stderr\nGracefulShutdownTimeout 1\nListen %s\n%s\n",
			&modules, user, dir, dir, listen, config)
	},
	"caddy": func(dir, _, config string) string {
		return "{\n\tadmin off\n\tstorage file_system " + dir + "\n}\n" + config
	},
	"varnishd": func(_, _, config string) string { return config },
}

// start starts the hop for the length of the test, and returns the address where it listens.
func (h hop) start(t *testing.T, next string, serves func(listen string, exited <-chan struct{}) bool) string {
	t.Helper()
	path := installed(t, h.program)
	listen := redistest.FreeAddress(t)
	dir := t.TempDir()
	config, err := h.config(dir, listen, next)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(frames[h.program](dir, listen, config)), 0o644); err != nil {
		t.Fatal(err)
	}
	said := new(buffer)
	exited := run(t, said, path, args[h.program](dir, file, listen)...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said:\n%s", h.program, said)
		}
	})
	if !serves(listen, exited) {
		t.Fatalf("%s does not serve", h.program)
	}
	return listen
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
	missing := program + " is not installed: apt-get install " + cmp.Or(packages[program], program)
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// run runs a program for the length of the test. The channel is closed when it has ended.
func run(t *testing.T, said *buffer, path string, args ...string) <-chan struct{} {
	t.Helper()
	cmd := exectest.Command(path, args...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		cmd.Wait()
	}()
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
func answers(c *http.Client, url string, exited <-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-exited:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}
