package config

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrecedence(t *testing.T) {
	inEmptyDirectory(t)
	load := func(flags map[string]string) (string, string) {
		t.Helper()
		loaded, err := Loader{Flags: flags}.Load()
		if err != nil {
			t.Fatal(err)
		}
		return loaded.Config.Poll.Slow.String(), loaded.Origins["poll.slow"]
	}
	want := func(value, origin string, flags map[string]string) {
		t.Helper()
		if gotValue, gotOrigin := load(flags); gotValue != value || gotOrigin != origin {
			t.Errorf("poll.slow is %s from %q, want %s from %q", gotValue, gotOrigin, value, origin)
		}
	}
	want("5m0s", "", nil)
	writeFile(t, "config.yaml", "node: a\npoll:\n  slow: 4m\n")
	want("4m0s", "config.yaml:3", nil)
	t.Setenv("NUDGE_POLL_SLOW", "3m")
	want("3m0s", "NUDGE_POLL_SLOW", nil)
	want("2m0s", "--poll-slow", map[string]string{"poll.slow": "2m"})
}

func TestWhichFile(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "named.yaml", "node: named\n")
	writeFile(t, "config.yaml", "node: unnamed\n")
	for _, test := range []struct {
		loader     Loader
		node, path string
	}{
		{Loader{}, "unnamed", "config.yaml"},
		{Loader{Path: "named.yaml"}, "named", "named.yaml"},
	} {
		loaded, err := test.loader.Load()
		if err != nil {
			t.Fatal(err)
		}
		if loaded.Config.Node != test.node || loaded.Path != test.path {
			t.Errorf("%+v read %q: %q", test.loader, loaded.Path, loaded.Config.Node)
		}
	}
	if err := os.Remove("config.yaml"); err != nil {
		t.Fatal(err)
	}
	if _, err := (Loader{}).Load(); err != nil {
		t.Errorf("no file, none named: %v", err)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "large.yaml", "#"+strings.Repeat("x", int(largestFile)))
	for path, want := range map[string]string{
		"absent.yaml": "absent.yaml: does not exist; name the file with --config, or create it",
		"large.yaml":  "large.yaml: is larger than 1MiB; name a configuration with --config",
		".":           ".: is a directory; name a file that can be read with --config",
	} {
		_, err := Loader{Path: path}.Load()
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "push: {include: [a]}\nops_listen: :9090\n")
	for name, value := range map[string]string{
		"NUDGE_LISTEN":              ":80",
		"NUDGE_OPS_LISTEN":          "", // set to nothing is something
		"NUDGE_LOG_LEVEL":           "debug",
		"NUDGE_REDIS_MODE":          "standalone",
		"NUDGE_REDIS_ADDRS":         "redis:6379",
		"NUDGE_REDIS_PASSWORD":      "12345678", // text, whatever it looks like
		"NUDGE_REDIS_TLS":           "true",
		"NUDGE_AUTH_SECRET":         goodSecret,
		"NUDGE_PUSH_INCLUDE":        "42, team-*",
		"NUDGE_PUSH_PERCENT":        "50",
		"NUDGE_POLL_JITTER":         "0.5",
		"NUDGE_HEARTBEAT":           "15s",
		"NUDGE_LIMITS_STREAM_AGE":   "2h",
		"NUDGE_LIMITS_BODY":         "1MiB",
		"NUDGE_DRAIN_DELAY":         "0s",
		"NUDGE_CORS_ORIGINS":        "https://a.example,https://b.example",
		"NUDGE_REDIS_SERVICE_HOST":  "10.0.0.1", // an orchestrator's
		"NUDGE_PUSH":                "tcp://10.0.0.1:80",
		"NUDGE_PUSH_ENABLE":         "false",
		"NUDGE_GATEWAY":             "http://x",
		"NUDGE_TOKEN":               "x",
		"NUDGE_TEST_REDIS":          "x",
		"NUDGE_AUTH_OPEN_SESAME_12": "x",
	} {
		t.Setenv(name, value)
	}
	loaded, err := Loader{Purpose: ForServing}.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen, want.OpsListen, want.Log.Level = ":80", "", "debug"
	want.Redis.Mode, want.Redis.Addrs, want.Redis.Password, want.Redis.TLS = "standalone", []string{"redis:6379"}, "12345678", true
	want.Auth.Secret = goodSecret
	want.Push.Include, want.Push.Percent = []string{"42", "team-*"}, 50
	want.Poll.Jitter, want.Heartbeat = 0.5, 15*time.Second
	want.Limits.StreamAge, want.Limits.Body = 2*time.Hour, MiB
	want.Drain.Delay = 0
	want.CORS.Origins = []string{"https://a.example", "https://b.example"}
	if diff := cmp.Diff(want, loaded.Config); diff != "" {
		t.Error(diff)
	}
	warnings := []string{"unknown variables are ignored: NUDGE_AUTH_OPEN_SESAME_12, NUDGE_PUSH, " +
		"NUDGE_PUSH_ENABLE (did you mean NUDGE_PUSH_ENABLED?), NUDGE_REDIS_SERVICE_HOST"}
	if diff := cmp.Diff(warnings, loaded.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironmentIsReadStrictly(t *testing.T) {
	for name, test := range map[string]struct{ value, want string }{
		"NUDGE_HEARTBEAT":       {"15", "NUDGE_HEARTBEAT: heartbeat: 15 has no unit; write 15s for seconds"},
		"NUDGE_DRAIN_WINDOW":    {"0", "NUDGE_DRAIN_WINDOW: drain.window: 0 has no unit; write 0s for seconds"},
		"NUDGE_LIMITS_BODY":     {"1024", "NUDGE_LIMITS_BODY: limits.body: 1024 has no unit; write 1024B for bytes"},
		"NUDGE_PUSH_ENABLED":    {"no", "NUDGE_PUSH_ENABLED: push.enabled: no is not true or false; write false"},
		"NUDGE_AUTH_OPEN":       {"1", "NUDGE_AUTH_OPEN: auth.open: 1 is not true or false; write true"},
		"NUDGE_PUSH_PERCENT":    {"", "NUDGE_PUSH_PERCENT: push.percent: is empty; write a value, such as 100, or unset it"},
		"NUDGE_LIMITS_STREAMS":  {" 5", `NUDGE_LIMITS_STREAMS: limits.streams: " 5" is not a whole number; write plain digits, such as 0`},
		"NUDGE_POLL_JITTER":     {"NaN", "NUDGE_POLL_JITTER: poll.jitter: NaN is not at least 0 and below 1; write 0.2"},
		"NUDGE_POLL_BUDGET":     {"0x10p0", "NUDGE_POLL_BUDGET: poll.budget: 0x10p0 is not a number; write digits, such as 0"},
		"NUDGE_PUSH_EXCLUDE":    {"a,,b", "NUDGE_PUSH_EXCLUDE: push.exclude: a,,b has an empty entry; write the entries with one comma between them"},
		"NUDGE_REDIS_PROBE":     {"99ms", "NUDGE_REDIS_PROBE: redis.probe: 99ms is below 100ms; write 100ms or more"},
		"NUDGE_LOG_LEVEL":       {"", `NUDGE_LOG_LEVEL: log.level: "" is unknown; write debug, info, warn or error`},
		"NUDGE_REDIS_TLS":       {"", "NUDGE_REDIS_TLS: redis.tls: is empty; write a value, such as false, or unset it"},
		"NUDGE_POLL_FAST":       {"ten", "NUDGE_POLL_FAST: poll.fast: ten is not a duration; write a number with ms, s, m or h, such as 15s"},
		"NUDGE_LIMITS_NONSENSE": {"", ""}, // unknown: a warning
	} {
		t.Run(name, func(t *testing.T) {
			inEmptyDirectory(t)
			t.Setenv(name, test.value)
			_, err := Loader{}.Load()
			if err == nil && test.want != "" || err != nil && err.Error() != test.want {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}

func TestFlagsAreReadStrictly(t *testing.T) {
	inEmptyDirectory(t)
	_, err := Loader{Flags: map[string]string{"heartbeat": "5", "limits.stream_age": "x", "nonsense": "x"}}.Load()
	want := "--nonsense: is not a key of the configuration\n" +
		"--heartbeat: heartbeat: 5 has no unit; write 5s for seconds\n" +
		"--limits-stream-age: limits.stream_age: x is not a duration; write a number with ms, s, m or h, such as 15s"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// File, environment and flags are all complained about in one go.
func TestProblemsOfAllLayersTogether(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "heartbeat: 15\n")
	t.Setenv("NUDGE_POLL_FAST", "3")
	_, err := Loader{Flags: map[string]string{"poll.slow": "4"}}.Load()
	want := "config.yaml:1: heartbeat: 15 has no unit; write 15s for seconds\n" +
		"NUDGE_POLL_FAST: poll.fast: 3 has no unit; write 3s for seconds\n" +
		"--poll-slow: poll.slow: 4 has no unit; write 4s for seconds"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if _, ok := errors.AsType[Problems](err); !ok {
		t.Errorf("%T, want Problems", err)
	}
}

// A rule that is broken names the place where its key was given, or that of the
// other key when its own has the default.
func TestRangesNameTheLine(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "node: a\npoll:\n  fast: 10m\n  gap: 20m\n")
	_, err := Loader{}.Load()
	want := "config.yaml:3: poll.slow: 5m is below poll.fast (10m); write 10m or more\n" +
		"config.yaml:3: poll.longest: 1m is below poll.fast (10m); write 10m or more\n" +
		"config.yaml:4: poll.gap: 20m is above poll.fast (10m), so news would be slower than polling; write 10m or less"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// A file that is right by itself is not blamed for what a variable says.
func TestContradictionNamesTheVariable(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "poll:\n  slow: 5m\n")
	t.Setenv("NUDGE_POLL_FAST", "10m")
	_, err := Loader{}.Load()
	want := "config.yaml:2: poll.slow: 5m is below poll.fast (10m); write 10m or more; poll.fast is from NUDGE_POLL_FAST\n" +
		"NUDGE_POLL_FAST: poll.longest: 1m is below poll.fast (10m); write 10m or more"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// What must work in an emergency goes by its own keys, whatever is wrong with others.
func TestMistakesElsewhereArePassedOver(t *testing.T) {
	inEmptyDirectory(t)
	const mistakes = "heartbeat: 25\npol:\n  fast: 10s\npoll: 7\npush:\n  percent: 300\nlimits: [1]\n"
	t.Setenv("NUDGE_DRAIN_WINDOW", "soon")
	writeFile(t, "config.yaml", mistakes+"redis:\n  mode: standalone\n  addrs: [\"redis:6379\"]\n")
	l := Loader{Only: []string{"redis"}}
	loaded, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Redis.Mode, want.Redis.Addrs = "standalone", []string{"redis:6379"}
	if d := cmp.Diff(want, loaded.Config); d != "" {
		t.Error(d)
	}
	if len(loaded.Passed) != 5 {
		t.Errorf("passed over: %v", loaded.Passed)
	}
	for _, odd := range []string{"heartbeat: 25s\nheartbeat: 26s\n", "limits:\n  [1]: 2\n", "auth:\n", "auth:\n  leeway: x\n  open: 7\n"} {
		writeFile(t, "config.yaml", odd+"redis:\n  mode: standalone\n  addrs: [\"redis:6379\"]\n")
		if loaded, err := l.Load(); err != nil || loaded.Config.Redis.Mode != "standalone" {
			t.Errorf("%q: %v", odd, err)
		}
	}
	for text, want := range map[string]string{
		"redis:\n  mode: standalon\n":        "config.yaml:9: redis.mode: standalon is unknown",
		"redis:\n  mode: none\nprefix: a\n":  "config.yaml:10: prefix: unknown key; did you mean redis.prefix?",
		"Redis:\n  mode: standalone\n":       "config.yaml:8: Redis: is not in lower case",
		"redis: 7\n":                         "config.yaml:8: redis: is a section",
		"redis:\n  addr: [\"redis:6379\"]\n": "config.yaml:9: redis.addr: unknown key",
		"auth: [\n":                          "config.yaml:",
	} {
		writeFile(t, "config.yaml", mistakes+text)
		if _, err := l.Load(); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "heartbeat") {
			t.Errorf("%q: %v", text, err)
		}
	}
	writeFile(t, "config.yaml", mistakes)
	if _, err := (Loader{}).Load(); err == nil || !strings.Contains(err.Error(), "heartbeat") {
		t.Errorf("without: %v", err)
	}
}
