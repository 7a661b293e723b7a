//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/cmd/nudge/load"
	"nudge/version/redistest"
)

// loadResult runs nudge load --json to its end and reads what it printed.
func loadResult(t testing.TB, exit int, args ...string) (r load.Result) {
	t.Helper()
	out := runLoadCommand(t, exit, append([]string{"--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return r
}

// runLoadCommand runs nudge load to its end and returns what it printed. A process with the race detector waits
// for a second at its end, unless told otherwise, and there are several in each run.
func runLoadCommand(t testing.TB, exit int, args ...string) string {
	t.Helper()
	p := start(t, []string{"GORACE=atexit_sleep_ms=0"}, append([]string{"load"}, args...)...)
	if code := p.exit(); code != exit {
		t.Errorf("nudge load %q: exit %d, want %d:\n%s", args, code, exit, p.stderr)
	}
	return p.stdout.String()
}

// A real gateway with a real Redis: all streams open, everything arrives, over Redis and over HTTP.
func TestLoadCommand(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{}")))
	r := loadResult(t, 0, "--config", g.file, "--gateway", g.url, "--streams", "300", "--projects", "20", "--projects-per-stream", "2",
		"--rate", "50", "--duration", "1s", "--settle", "1500ms", "--workers", "2", "--prefix", "first-")
	if r.Connect.Opened != 300 || r.Streams.Open != 300 || r.Streams.Heartbeats == 0 || len(r.Problems) > 0 {
		t.Errorf("%+v, %q", r.Streams, r.Problems)
	}
	if d := r.Deliver; r.Publish.Advances != 50 || d.Delivered != 50*30 || d.Skipped != 0 || d.LatencyMS.Count != 50*30 || d.AllMS.Count != 50 {
		t.Errorf("%+v, %+v", r.Publish, d)
	}
	if !slices.Equal(r.Server.PIDs, []int{g.cmd.Process.Pid}) || r.Server.BytesPerStream == nil || r.Server.CPUS <= 0 || r.Server.FileLimit == 0 {
		t.Errorf("server %+v, want process %d", r.Server, g.cmd.Process.Pid)
	}
	out := runLoadCommand(t, 0, "--config", g.file, "--gateway", g.url, "--streams", "100", "--projects", "1", "--window", "1", "--publish", "http",
		"--duration", "500ms", "--settle", "0s", "--inflight", "0", "--reconnect", "--one-subject")
	for _, line := range []string{"100 streams on 1 project of " + g.url, "reconnected at once     100 streams", "100 open, 0 lost, 0 closed", "publish to last read"} {
		if !strings.Contains(out, line) {
			t.Errorf("%q is not in\n%s", line, out)
		}
	}
}

// A gateway that lets nobody in, or few, says so, and what to do is said with it.
func TestLoadIsRefused(t *testing.T) {
	t.Parallel()
	text := quick("127.0.0.1:0", "", "{}")
	text = strings.Replace(text, `{mode: standalone, addrs: [""], probe: 200ms}`, "{probe: 200ms}", 1) + "limits: {streams: 5}\n"
	g := serveFile(t, configFile(t, text))
	short := []string{"--streams", "12", "--duration", "200ms", "--settle", "0s", "--gateway", g.url}
	r := loadResult(t, 1, append(short, "--config", g.file)...)
	if r.Connect.Opened != 5 || r.Connect.Refused["overload/10s"] != 7 || !strings.Contains(strings.Join(r.Problems, "\n"), "raise limits.streams") {
		t.Errorf("a limit of 5: %+v, %q", r.Connect, r.Problems)
	}
	r = loadResult(t, 1, append(short, "--token", "nonsense")...)
	if r.Connect.Opened != 0 || r.Connect.Refused["401"] != 12 || r.Publish != nil || !strings.Contains(strings.Join(r.Problems, "\n"), "NUDGE_AUTH_SECRET") {
		t.Errorf("a bad token: %+v, %q", r.Connect, r.Problems)
	}
	for _, tt := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"load"}, 2, "publish nothing with --rate 0"},
		{[]string{"load", "--rate", "0", "--gateway", "http://" + redistest.FreeAddress(t)}, 1, "check that it runs"},
		{[]string{"load", "--rate", "1", "--window", "1", "--config", g.file}, 2, "contradict"},
		{[]string{"load", "--publish", "pigeon", "--config", g.file}, 2, "write redis or http"},
		{[]string{"load", "--publish", "redis", "--config", g.file}, 2, "redis.mode is none"},
		{[]string{"load", "--rate", "0", "--streams", "-1"}, 2, "opens none"},
		{[]string{"load", "--rate", "0", "--gateway", "https://example.com"}, 2, "plain HTTP only"},
		{[]string{"load-worker"}, 1, "nudge load starts this command itself"},
	} {
		if code, out, errs := nudge(tt.args...); code != tt.exit || !strings.Contains(errs, tt.says) || out != "" {
			t.Errorf("nudge %q: exit %d, want %d with %q; it said\n%s%s", tt.args, code, tt.exit, tt.says, out, errs)
		}
	}
}

// Ctrl-C gives the figures so far; and whatever becomes of nudge load, its readers end with it.
func TestLoadIsStopped(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{}")))
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		p := start(t, []string{"GORACE=atexit_sleep_ms=0"}, "load", "--config", g.file, "--gateway", g.url, "--streams", "50", "--duration", "1h", "--settle", "0s", "--workers", "2", "--prefix", "s-")
		p.stderr.until(t, 0, "publishing")
		readers := childrenOf(t, p.cmd.Process.Pid)
		if len(readers) != 2 {
			t.Fatalf("readers %v, want 2", readers)
		}
		p.signalled(signal)
		code := p.exit()
		if signal == syscall.SIGINT && (code != 0 || !strings.Contains(p.stdout.String(), "interrupted after") || !strings.Contains(p.stdout.String(), "50 open, 0 lost")) {
			t.Errorf("exit %d after Ctrl-C; it said\n%s%s", code, p.stdout, p.stderr)
		}
		limit := time.Now().Add(patience)
		for _, pid := range readers {
			for running(pid) {
				if time.Now().After(limit) {
					t.Fatalf("reader %s lives on after %v", pid, signal)
				}
				time.Sleep(10 * time.Millisecond) // no event tells of the end of a stranger's child
			}
		}
	}
}

// childrenOf are the processes that another has started.
func childrenOf(t testing.TB, pid int) (pids []string) {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/children"))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // of a thread that has just ended there is none
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

// running tells whether a process is there and no zombie: who has nobody to wait for it may stay one.
func running(pid string) bool {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	return err == nil && !strings.Contains(string(text), ") Z ")
}
