package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"nudge/internal/secrettest"
)

// watched is a Watcher on a real directory. Its poll is far away, so that what
// arrives arrives by an event.
type watched struct {
	t       *testing.T
	path    string
	running atomic.Pointer[Config] // what the gateway would read
	applied chan *Config
	looked  chan error
	hangup  chan os.Signal
	log     logLines
	refuse  atomic.Bool // Apply returns an error
}

// watch starts a Watcher on path, which must be good, and stops it with the test.
func watch(t *testing.T, path string, change func(*WatcherOptions)) *watched {
	t.Helper()
	loader := Loader{Path: path}
	loaded, err := loader.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, path: path, applied: make(chan *Config, 100), looked: make(chan error, 100), hangup: make(chan os.Signal)}
	w.running.Store(loaded.Config)
	options := WatcherOptions{
		Loader: loader,
		Loaded: loaded,
		Apply: func(c *Config) error {
			if w.refuse.Load() {
				return errors.New("port in use")
			}
			w.running.Store(c)
			w.applied <- c
			return nil
		},
		Hangup: w.hangup,
		Log:    slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
		Looked: func(_ []string, err error) { w.looked <- err },
		Poll:   time.Hour,
	}
	if change != nil {
		change(&options)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- NewWatcher(options).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		secrettest.Check(t, "the log", w.log.told)
	})
	return w
}

func withoutTime(_ []string, attr slog.Attr) slog.Attr {
	if attr.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return attr
}

type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
	told string       // guarded by mu: secrets
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told += secrettest.Find(string(line))
	return l.text.Write(line)
}

// take returns the lines so far, and forgets them.
func (l *logLines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(20 * time.Second):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

// wantPercent waits for a configuration to be applied.
func (w *watched) wantPercent(percent int) {
	w.t.Helper()
	if got := receive(w.t, w.applied).Push.Percent; got != percent {
		w.t.Errorf("push.percent is %d, want %d", got, percent)
	}
	if err := receive(w.t, w.looked); err != nil {
		w.t.Errorf("applied, and yet: %v", err)
	}
}

// wantRefusal waits for a refusal, and sees that nothing was applied.
func (w *watched) wantRefusal(text string) {
	w.t.Helper()
	err := receive(w.t, w.looked)
	if err == nil || strings.ReplaceAll(err.Error(), w.path, "FILE") != text {
		w.t.Errorf("refused with %v, want %s", err, text)
	}
	if len(w.applied) > 0 {
		w.t.Error("applied all the same")
	}
}

// wantWaiting waits for a reload after which keys need a restart.
func (w *watched) wantWaiting(keys string) {
	w.t.Helper()
	if err := receive(w.t, w.looked); !errors.Is(err, ErrRestart) || !strings.HasSuffix(err.Error(), ": "+keys) {
		w.t.Errorf("%v, want that %s need a restart", err, keys)
	}
}

func (w *watched) wantLog(lines ...string) {
	w.t.Helper()
	got := strings.ReplaceAll(w.log.take(), w.path, "FILE")
	if diff := cmp.Diff(strings.Join(lines, "\n")+"\n", got); diff != "" {
		w.t.Error(diff)
	}
}

func percent(n int) string { return fmt.Sprintf("node: a\npush:\n  percent: %d\n", n) }

// aFile is a configuration file of 1 percent.
func aFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	writeFile(t, path, percent(1))
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReloadInPlace(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	for n := 2; n < 5; n++ {
		writeFile(t, w.path, percent(n))
		w.wantPercent(n)
		w.wantLog(`level=INFO msg="configuration reloaded" changed=push.percent`)
	}
}

func TestReloadByRename(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	for n := 2; n < 5; n++ {
		writeFile(t, w.path+".new", percent(n))
		must(t, os.Rename(w.path+".new", w.path))
		w.wantPercent(n)
	}
	writeFile(t, w.path+".new", percent(1)) // what it started with is a change, too
	must(t, os.Rename(w.path+".new", w.path))
	w.wantPercent(1)
}

// vim moves the old file away before it writes the new one.
func TestReloadByBackup(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	for n := 2; n < 5; n++ {
		must(t, os.Rename(w.path, w.path+"~"))
		writeFile(t, w.path, percent(n))
		w.wantPercent(n)
	}
}

func TestReloadAfterRemoval(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	for n := 2; n < 4; n++ {
		must(t, os.Remove(w.path))
		w.wantRefusal("FILE: does not exist; name the file with --config, or create it")
		writeFile(t, w.path, percent(n))
		w.wantPercent(n)
	}
}

// A file that is cut off is never taken for an empty configuration.
func TestReloadOfTruncatedFile(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	must(t, os.Truncate(w.path, 0))
	w.wantRefusal("FILE: is empty; write at least one key, such as heartbeat: 25s, or remove the file")
	writeFile(t, w.path, percent(2))
	w.wantPercent(2)
}

// What is written piece by piece is read once, when it is whole.
func TestReloadOfSlowWrite(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), func(o *WatcherOptions) { o.Debounce = 500 * time.Millisecond })
	file, err := os.Create(w.path)
	must(t, err)
	for _, piece := range strings.SplitAfter(percent(2), "\n") {
		_, err := file.WriteString(piece)
		must(t, err)
		must(t, file.Sync())
	}
	must(t, file.Close())
	w.wantPercent(2)
}

// A ConfigMap is a directory of links to ..data, which is a link that is replaced.
func TestReloadOfConfigMap(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	path := filepath.Join(directory, "config.yaml")
	swap := func(n int) {
		t.Helper()
		version := filepath.Join(directory, fmt.Sprintf("..v%d", n))
		must(t, os.Mkdir(version, 0o700))
		writeFile(t, filepath.Join(version, "config.yaml"), percent(n))
		must(t, os.Symlink(filepath.Base(version), filepath.Join(directory, "..data_tmp")))
		must(t, os.Rename(filepath.Join(directory, "..data_tmp"), filepath.Join(directory, "..data")))
		must(t, os.RemoveAll(filepath.Join(directory, fmt.Sprintf("..v%d", n-1))))
	}
	swap(1)
	must(t, os.Symlink(filepath.Join("..data", "config.yaml"), path))
	w := watch(t, path, nil)
	for n := 2; n < 5; n++ {
		swap(n)
		w.wantPercent(n)
	}
}

// What was read once and then was whole again has to be read twice anew: half a file may be good, and mean something else.
func TestReloadOfHalfTwice(t *testing.T) {
	t.Parallel()
	path := aFile(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	loader := Loader{Path: path}
	loaded, err := loader.Load()
	must(t, err)
	w := NewWatcher(WatcherOptions{Loader: loader, Loaded: loaded, Apply: func(*Config) error {
		t.Error("half a file was taken")
		return nil
	}})
	for range 3 {
		writeFile(t, path, percent(3))
		if w.lookIfChanged() {
			t.Error("what was read once is settled")
		}
		writeFile(t, path, string(whole))
		if !w.lookIfChanged() {
			t.Error("what runs is not settled")
		}
	}
}

// A link may be moved between the question where it leads and the watch of that directory.
func TestFileEventsOfVanishedTarget(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	events, err := newFileEvents([]string{directory, filepath.Join(directory, "..v1")})
	must(t, err)
	defer events.close()
	writeFile(t, filepath.Join(directory, "config.yaml"), percent(1))
	receive(t, events.changed)
}

// A directory that is removed and made again, as a mount is.
func TestReloadAfterRemovalOfDirectory(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "etc")
	path := filepath.Join(directory, "config.yaml")
	must(t, os.Mkdir(directory, 0o700))
	writeFile(t, path, percent(1))
	w := watch(t, path, func(o *WatcherOptions) { o.Poll = 500 * time.Millisecond })
	must(t, os.RemoveAll(directory))
	w.wantRefusal("FILE: does not exist; name the file with --config, or create it")
	must(t, os.Mkdir(directory, 0o700))
	writeFile(t, path, percent(2))
	w.wantPercent(2)
}

func TestReloadThroughLink(t *testing.T) {
	t.Parallel()
	target := aFile(t)
	path := filepath.Join(t.TempDir(), "config.yaml")
	must(t, os.Symlink(target, path))
	w := watch(t, path, nil)
	writeFile(t, target, percent(2))
	w.wantPercent(2)

	other := filepath.Join(t.TempDir(), "other.yaml")
	writeFile(t, other, percent(3))
	must(t, os.Remove(path))
	must(t, os.Symlink(other, path))
	for receive(t, w.applied).Push.Percent != 3 {
		t.Error("applied what nobody wrote")
	}
	writeFile(t, other, percent(4))
	for receive(t, w.applied).Push.Percent != 4 {
		t.Error("applied what nobody wrote")
	}
}

func TestReloadWithinASecond(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), func(o *WatcherOptions) { o.Debounce, o.Poll = 0, 0 })
	fastest := time.Hour
	for n := 2; n < 7; n++ { // the machine may be busy for one of them
		saved := time.Now()
		writeFile(t, w.path, percent(n))
		w.wantPercent(n)
		fastest = min(fastest, time.Since(saved))
	}
	if fastest > time.Second {
		t.Errorf("the fastest of five reloads took %v", fastest)
	}
}

// Other files in the directory that never rest do not hold the reload up.
func TestReloadInBusyDirectory(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), func(o *WatcherOptions) { o.Debounce = 300 * time.Millisecond })
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			case <-tick.C:
				if err := os.WriteFile(w.path+".log", []byte("busy"), 0o600); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	writeFile(t, w.path, percent(2))
	w.wantPercent(2)
	close(stop)
	must(t, receive(t, stopped))
}

func TestReloadOfSaveBeforeRun(t *testing.T) {
	t.Parallel()
	path := aFile(t)
	w := watch(t, path, func(*WatcherOptions) { writeFile(t, path, percent(2)) })
	w.wantPercent(2)
}

func TestReloadRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	writeFile(t, w.path, "node: a\nheartbeat: 15\npush:\n  enable: true\n")
	w.wantRefusal("FILE:2: heartbeat: 15 has no unit; write 15s for seconds\nFILE:4: push.enable: unknown key; did you mean push.enabled?")
	w.wantLog(`level=ERROR msg="configuration refused; the last good one stays" problems="FILE:2: heartbeat: 15 has no unit; ` +
		`write 15s for seconds | FILE:4: push.enable: unknown key; did you mean push.enabled?" fix="correct what problems names, and save the file again"`)

	writeFile(t, w.path, "push: {percent: 1\n")
	w.wantRefusal("FILE:1: is not YAML (did not find expected ',' or '}'); check the indentation, the quotes and the brackets")
	writeFile(t, w.path, percent(101))
	w.wantRefusal("FILE:3: push.percent: 101 is above 100; write 100 or less")
	w.log.take()

	writeFile(t, w.path, percent(1)) // as it was
	if err := receive(t, w.looked); err != nil || len(w.applied) > 0 {
		t.Errorf("back as it was: %v, %d applied", err, len(w.applied))
	}
	w.wantLog(`level=INFO msg="configuration is good and unchanged"`)
	if w.running.Load().Push.Percent != 1 {
		t.Error("the last good configuration is gone")
	}
	writeFile(t, w.path, percent(2))
	w.wantPercent(2)
}

// A comment is a change of the file and not of the configuration.
func TestReloadOfComment(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	writeFile(t, w.path, "# why\n"+percent(1))
	if err := receive(t, w.looked); err != nil || len(w.applied) > 0 {
		t.Errorf("%v, %d applied", err, len(w.applied))
	}
}

func TestHangup(t *testing.T) {
	w := watch(t, aFile(t), nil)
	w.hangup <- syscall.SIGHUP // unchanged, and looked at all the same
	must(t, receive(t, w.looked))
	w.wantLog(`level=INFO msg="configuration is good and unchanged"`)

	t.Setenv("NUDGE_PUSH_PERCENT", "7")
	w.hangup <- syscall.SIGHUP
	w.wantPercent(7)

	writeFile(t, w.path, "push: {percent: x}")
	w.wantRefusal("FILE:1: push.percent: x is not a whole number; write plain digits, such as 100")
	w.log.take()
	w.hangup <- syscall.SIGHUP // said again to whom asks
	w.wantRefusal("FILE:1: push.percent: x is not a whole number; write plain digits, such as 100")
	if line := w.log.take(); !strings.HasPrefix(line, "level=ERROR") {
		t.Errorf("log: %s", line)
	}
}

func TestReloadReportsRestart(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	writeFile(t, w.path, percent(2)+"listen: 127.0.0.1:1\nheartbeat: 15s\n")
	applied := receive(t, w.applied)
	w.wantWaiting("listen heartbeat")
	want := Default()
	want.Node, want.Push.Percent = "a", 2
	if diff := cmp.Diff(want, applied); diff != "" {
		t.Errorf("applied what needs a restart, or not the rest: %s", diff)
	}
	w.wantLog(`level=WARN msg="configuration changes need a restart" keys="listen heartbeat" fix="restart the gateway"`,
		`level=INFO msg="configuration reloaded" changed=push.percent`)

	// Said once, as long as it stays the same; and not said once it is taken back.
	writeFile(t, w.path, percent(3)+"listen: 127.0.0.1:1\nheartbeat: 15s\n")
	receive(t, w.applied)
	w.wantWaiting("listen heartbeat")
	w.wantLog(`level=INFO msg="configuration reloaded" changed=push.percent`)
	w.hangup <- syscall.SIGHUP // and said again to whom asks, without "good and unchanged"
	w.wantWaiting("listen heartbeat")
	w.wantLog(`level=WARN msg="configuration changes need a restart" keys="listen heartbeat" fix="restart the gateway"`)
	writeFile(t, w.path, percent(4))
	w.wantPercent(4)
	w.wantLog(`level=INFO msg="configuration reloaded" changed=push.percent`)
}

// The file is right, but not together with what keeps running.
func TestReloadContradictsRunning(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.yaml")
	writeFile(t, path, "auth: {open: true}\n")
	w := watch(t, path, nil)
	writeFile(t, path, "auth: {secret: "+goodSecret+"}\npush: {percent: 50}\n")
	w.wantRefusal("FILE:2: push.percent: 50 needs the subjects of tokens, and auth.open has none; write 100, or use auth.secret " +
		"(with what only a restart can change)")
	writeFile(t, path, "auth: {secret: "+goodSecret+"}\npush: {enabled: false}\n")
	if c := receive(t, w.applied); !c.Auth.Open || c.Auth.Secret != "" || c.Push.Enabled {
		t.Errorf("applied auth %+v, push %+v", c.Auth, c.Push)
	}
}

func TestReloadWhenApplyFails(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	w.refuse.Store(true)
	writeFile(t, w.path, percent(2))
	w.wantRefusal("port in use")
	w.wantLog(`level=ERROR msg="configuration refused; the last good one stays" problems="port in use" fix="correct what problems names, and save the file again"`)
	w.refuse.Store(false)
	w.hangup <- syscall.SIGHUP
	w.wantPercent(2)
}

// Who had no file may create one; from then on it may not vanish.
func TestReloadOfFirstFile(t *testing.T) {
	inEmptyDirectory(t)
	w := watch(t, "", nil)
	w.path = defaultFile
	writeFile(t, "config.yaml", percent(2))
	receive(t, w.applied)
	w.wantWaiting("node")
	must(t, os.Remove("config.yaml"))
	w.wantRefusal("FILE: does not exist; name the file with --config, or create it")
}

// Readers of the running configuration need no lock: for the race detector.
func TestReloadBesideReaders(t *testing.T) {
	t.Parallel()
	w := watch(t, aFile(t), nil)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if c := w.running.Load(); len(changes(c, Default(), func(setting) bool { return true })) > 3 {
						t.Error("half a configuration")
						return
					}
				}
			}
		})
	}
	for n := 2; n < 6; n++ {
		writeFile(t, w.path, percent(n))
		w.wantPercent(n)
	}
	close(stop)
	readers.Wait()
}

// Without events the file is read every few seconds; and once, if it is broken,
// is said once.
func TestReloadByPolling(t *testing.T) {
	path := aFile(t)
	synctest.Test(t, func(t *testing.T) {
		loader := Loader{Path: path}
		loaded, err := loader.Load()
		must(t, err)
		var applied []int
		var refused int
		var log logLines
		hangup := make(chan os.Signal)
		close(hangup) // nobody signals any more: must not keep Run busy
		w := NewWatcher(WatcherOptions{
			Hangup: hangup,
			Loader: loader,
			Loaded: loaded,
			Apply:  func(c *Config) error { applied = append(applied, c.Push.Percent); return nil },
			Looked: func(_ []string, err error) {
				if err != nil {
					refused++
				}
			},
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
		})
		w.events = func([]string) (*fileEvents, error) { return nil, errors.New("too many open files") }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		start := time.Now()
		go func() { done <- w.Run(ctx) }()
		synctest.Wait()
		if line := log.take(); !strings.Contains(line, "cannot watch the configuration, ") || !strings.Contains(line, "every=5s") {
			t.Errorf("log: %q", line)
		}

		later := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		writeFile(t, path, percent(2))
		later(6 * time.Second)
		writeFile(t, path, "push: {percent: x}")
		later(time.Minute)
		if refused != 1 || strings.Count(log.take(), "level=ERROR") != 1 {
			t.Errorf("a file that stays broken was refused %d times, want once", refused)
		}
		writeFile(t, path, percent(3))
		later(6 * time.Second)

		// Half a file that looks whole, as its writer pauses: read once, at 5.1s,
		// and not believed, since it reads otherwise at 5.2s.
		time.Sleep(5*time.Second - time.Since(start)%(5*time.Second))
		writeFile(t, path, "push: {percent: 4}\n")
		later(5*time.Second + 150*time.Millisecond)
		writeFile(t, path, "push: {percent: 4}\nnode: a\npoll: {slow: 2m}\n")
		later(time.Second)
		if diff := cmp.Diff([]int{2, 3, 4}, applied); diff != "" {
			t.Error(diff)
		}
		cancel()
		must(t, <-done)
	})
}

func TestWatcherLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := aFile(t)
	loaded, err := Loader{Path: path}.Load()
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done, looked := make(chan error, 1), make(chan error, 1)
	writeFile(t, path, percent(2))
	go func() {
		done <- NewWatcher(WatcherOptions{Loader: Loader{Path: path}, Loaded: loaded, Looked: func(_ []string, err error) { looked <- err }}).Run(ctx)
	}()
	must(t, receive(t, looked))
	cancel()
	must(t, receive(t, done))
	goleak.VerifyNone(t, before)
}

func TestRestartNeeded(t *testing.T) {
	start := func() *Config {
		c := Default()
		c.Auth.Secret = goodSecret
		return c
	}
	for _, test := range []struct {
		name              string
		change            func(c *Config)
		restart, reloaded []string
	}{
		{"nothing", func(*Config) {}, nil, nil},
		{"flag", func(c *Config) { c.Push.Enabled, c.Push.Include = false, []string{"42"} }, nil, []string{"push.enabled", "push.include"}},
		{"poll and limits", func(c *Config) { c.Poll.Slow, c.Limits.Body = time.Hour, KiB }, nil, []string{"poll.slow", "limits.body"}},
		{"rotation", func(c *Config) { c.Auth.PreviousSecret, c.Auth.Secret = c.Auth.Secret, otherSecret }, nil, []string{"auth.secret", "auth.previous_secret"}},
		{"claims", func(c *Config) { c.Auth.Issuer, c.Auth.Audience, c.Auth.Leeway = "i", "a", 0 }, nil, []string{"auth.issuer", "auth.audience", "auth.leeway"}},
		{"log", func(c *Config) { c.Log.Level, c.Log.Format = "debug", "json" }, []string{"log.format"}, []string{"log.level"}},
		{
			"credentials of Redis", func(c *Config) { c.Redis.Username, c.Redis.Password, c.Redis.TLSVerify = "u", "p", false }, nil,
			[]string{"redis.username", "redis.password", "redis.tls_verify"},
		},
		{"another Redis", func(c *Config) { c.Redis.Addrs, c.Redis.Password = []string{"b:1"}, "p" }, []string{"redis.addrs", "redis.password"}, nil},
		{"another certificate", func(c *Config) { c.Files.Sums = map[string][32]byte{"redis.tls_ca": {1}} }, nil, []string{"redis.tls_ca"}},
		{"cookie", func(c *Config) { c.Auth.Cookie, c.Auth.Query = "", true }, []string{"auth.cookie", "auth.query"}, nil},
		{"pages", func(c *Config) {
			c.Auth.CookieSecure, c.CORS.Origins, c.CORS.Headers = "never", []string{"https://a.example"}, []string{"X-A"}
		}, nil, []string{"auth.cookie_secure", "cors.origins", "cors.headers"}},
		{"keys", func(c *Config) {
			c.Auth.Secret, c.Auth.JWKS, c.Auth.Claims.Subject = "", "keys.json", "email"
			c.Auth.Issuers = []Issuer{{Issuer: "a", JWKS: "a", Projects: []string{"*"}}}
		}, nil, []string{"auth.secret", "auth.jwks", "auth.issuers", "auth.claims.subject"}},
		{"opened", func(c *Config) { c.Auth.Open, c.Auth.Secret = true, "" }, []string{"auth.open", "auth.secret"}, nil},
		{
			"opened for all", func(c *Config) { c.Auth.Open, c.Auth.Secret, c.CORS.Origins = true, "", []string{"*"} },
			[]string{"auth.open", "auth.secret", "cors.origins"},
			nil,
		},
		{"the rest", func(c *Config) {
			c.Listen, c.OpsListen, c.Node, c.BasePath, c.TLS.Cert = ":1", ":2", "b", "/b", "c"
			c.Redis.Mode, c.Heartbeat, c.Drain.Delay, c.Hosts = "standalone", time.Second, 0, []string{"a.example"}
		}, []string{"listen", "ops_listen", "hosts", "base_path", "node", "tls.cert", "redis.mode", "heartbeat", "drain.delay"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			old, next := start(), start()
			test.change(next)
			if diff := cmp.Diff(test.restart, restartNeeded(old, next)); diff != "" {
				t.Errorf("restart: %s", diff)
			}
			if diff := cmp.Diff(test.reloaded, reloaded(old, next)); diff != "" {
				t.Errorf("reloaded: %s", diff)
			}
			taken := takeOver(old, next)
			if got := restartNeeded(old, taken); got != nil {
				t.Errorf("taken over without a restart: %v", got)
			}
			if diff := cmp.Diff(test.reloaded, reloaded(old, taken)); diff != "" {
				t.Errorf("taken over: %s", diff)
			}
			if diff := cmp.Diff(start(), old); diff != "" {
				t.Errorf("the running one was changed: %s", diff)
			}
		})
	}
}
