//go:build unix

package enginetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"nudge/internal/exectest"
)

// profile is what a Firefox for tests is told beside what it does by itself when it is driven from outside.
const profile = `user_pref("browser.sessionstore.resume_from_crash", false);
user_pref("browser.cache.disk.enable", false);
user_pref("dom.disable_open_during_load", false);
user_pref("extensions.webextensions.uuids", %q);
user_pref("dom.ipc.processCount.webIsolated", 100);
user_pref("dom.ipc.processPrelaunch.enabled", false);
user_pref("network.dns.localDomains", %q);
user_pref("network.http.speculative-parallel-limit", 0);
`

// Firefox gives a test a Firefox.
func Firefox(t testing.TB, o Options) *Browser {
	t.Helper()
	if shared == nil || o.Own || len(o.Hosts) > 0 || o.Extension != nil {
		return &Browser{"firefox", startFirefox(t, t, o)}
	}
	running := shared.take(t)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	var made struct{ UserContext string }
	if err := running.call(ctx, "browser.createUserContext", object{}, &made); err != nil {
		t.Fatalf("make a profile in firefox: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		running.call(ctx, "browser.removeUserContext", object{"userContext": made.UserContext}, nil)
	})
	return &Browser{"firefox", &firefox{connection: running.connection, pid: running.pid, user: made.UserContext}}
}

// startFirefox starts the program. It ends when life does.
func startFirefox(t testing.TB, life interface{ Cleanup(end func()) }, o Options) *firefox {
	t.Helper()
	path := program(t, "firefox-esr", "firefox")
	dir, err := os.MkdirTemp("", "nudge-firefox-")
	if err != nil {
		t.Fatal(err)
	}
	// Last of all: until it has ended it writes there.
	life.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "user.js"), fmt.Appendf(nil, profile, uuids, strings.Join(o.Hosts, ",")), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--headless", "--profile", dir, "--remote-debugging-port", "0", "--no-remote"}
	if o.Extension != nil {
		args = append(args, "--remote-allow-system-access") // else it opens no page of an extension
	}
	group := exectest.NewGroup() // it has children
	cmd := group.Command(path, append(args, "about:blank")...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "MOZ_DISABLE_CONTENT_SANDBOX=1", "MOZ_CRASHREPORTER_DISABLE=1")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	exited, address := make(chan struct{}), make(chan string, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(exited)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if _, ws, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
				address <- ws
			}
		}
		cmd.Wait()
	}()
	life.Cleanup(func() {
		group.Kill()
		<-exited
	})
	ctx, cancel := context.WithTimeout(context.Background(), 2*Patience)
	defer cancel()
	select {
	case ws := <-address:
		c, err := dial(ctx, ws+"/session")
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		life.Cleanup(c.end)
		if o.Extension != nil {
			if err := c.call(ctx, "webExtension.install", object{"extensionData": object{"type": "path", "path": unpacked(t, o)}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		return &firefox{connection: c, pid: cmd.Process.Pid}
	case <-exited:
		t.Fatalf("%s ended before it could be driven", path)
	case <-ctx.Done():
		t.Fatalf("%s cannot be driven within %s", path, 2*Patience)
	}
	return nil
}

// firefox opens tabs. Each is a browsing context, known by its id, and has a process of its own.
type firefox struct {
	*connection
	pid int

	user string // the profile, in a browser that is shared

	opening sync.Mutex // guards last
	last    string     // the tab of this profile that was opened last
}

func (f *firefox) open(ctx context.Context, url string) (any, error) {
	tab, err := f.create(ctx)
	if err != nil {
		return nil, err
	}
	return tab, f.navigate(ctx, tab, url)
}

// create makes a tab. Each profile of a shared browser has a window, since a new tab hides the others of its window.
func (f *firefox) create(ctx context.Context) (string, error) {
	const method = "browsingContext.create"
	var made struct{ Context string }
	if f.user == "" {
		err := f.call(ctx, method, object{"type": "tab"}, &made)
		return made.Context, err
	}
	f.opening.Lock()
	defer f.opening.Unlock()
	if f.last == "" || f.call(ctx, method, object{"type": "tab", "userContext": f.user, "referenceContext": f.last}, &made) != nil {
		// It is the first one, or the last one is closed.
		if err := f.call(ctx, method, object{"type": "window", "userContext": f.user}, &made); err != nil {
			return "", err
		}
	}
	f.last = made.Context
	return made.Context, nil
}

func (f *firefox) navigate(ctx context.Context, tab any, url string) error {
	return f.call(ctx, "browsingContext.navigate", object{"context": tab, "url": url, "wait": "complete"}, nil)
}

func (f *firefox) evaluate(ctx context.Context, tab any, expression string) (string, error) {
	var got struct {
		Type             string
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	err := f.call(ctx, "script.evaluate", object{"expression": expression, "target": object{"context": tab}, "awaitPromise": true}, &got)
	if err == nil && got.Type == "exception" {
		err = fmt.Errorf("%s", got.ExceptionDetails.Text)
	}
	return got.Result.Value, err
}

func (f *firefox) offline(ctx context.Context, tab any, is bool) error {
	var conditions any
	if is {
		conditions = object{"type": "offline"}
	}
	return f.call(ctx, "emulation.setNetworkConditions", object{"networkConditions": conditions, "contexts": []any{tab}}, nil)
}

// crash kills the process of a tab. Firefox does not tell which that is, so the tab is given work, and the one that does it.
func (f *firefox) crash(ctx context.Context, tab any) error {
	before, err := f.work()
	if err != nil {
		return err
	}
	if _, err := f.evaluate(ctx, tab, "(async () => { for (const t = performance.now(); performance.now() - t < 500; ); return '' })()"); err != nil {
		return err
	}
	after, err := f.work()
	if err != nil {
		return err
	}
	busiest, most := 0, 0
	for pid, ticks := range after {
		if did := ticks - before[pid]; did > most {
			busiest, most = pid, did
		}
	}
	if busiest == 0 {
		return errors.New("/proc shows no process of a tab that has worked")
	}
	return syscall.Kill(busiest, syscall.SIGKILL)
}

// work is how much each process of a tab has worked so far, in ticks of the clock.
func (f *firefox) work() (map[int]int, error) {
	group, err := syscall.Getpgid(f.pid)
	if err != nil {
		return nil, err
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := map[int]int{}
	for _, path := range stats {
		stat, _ := os.ReadFile(path) // it may have ended
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		fields := strings.Fields(string(rest)) // from the third on, by proc(5)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		command = bytes.ReplaceAll(command, []byte{0}, []byte(" ")) // with a fork server it has become one argument
		if len(fields) < 12 || fields[2] != strconv.Itoa(group) || !bytes.HasSuffix(bytes.TrimRight(command, " "), []byte(" tab")) {
			continue // not of this browser's group, or for no tab
		}
		user, _ := strconv.Atoi(fields[11])
		all[pid] = user
	}
	return all, nil
}

func (f *firefox) close(ctx context.Context, tab any) error {
	return f.call(ctx, "browsingContext.close", object{"context": tab}, nil)
}
