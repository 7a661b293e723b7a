package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/internal/secrettest"
)

const (
	goodSecret  = secrettest.Marker + "-0123456789abcdef01234567"
	otherSecret = secrettest.Marker + "-fedcba9876543210fedcba98"
)

// The tests see no variable of Nudge's but those they set. Those for tests stay.
func init() {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, "NUDGE_TEST") {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
}

// inEmptyDirectory is for tests of what is in the working directory.
func inEmptyDirectory(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultMakesSense(t *testing.T) {
	if err := Default().Validate(ForCommands); err != nil {
		t.Error(err)
	}
}

func TestDefaultsHaveOwners(t *testing.T) {
	one, two := Default(), Default()
	one.Push.Include = append(one.Push.Include, "42")
	one.Poll.Fast = time.Second
	if diff := cmp.Diff(Default(), two); diff != "" {
		t.Error(diff)
	}
}

// The file that is shipped is the documentation of the defaults.
func TestShippedFileIsDefault(t *testing.T) {
	path := filepath.Join("..", "..", "..", "config.yaml")
	loaded, err := Loader{Path: path}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), loaded.Config); diff != "" {
		t.Errorf("defaults (-) and config.yaml (+) differ:\n%s", diff)
	}
	for _, s := range settings {
		if loaded.Origins[s.key] == "" {
			t.Errorf("%s is missing in config.yaml", s.key)
		}
	}
}

// All that the shipped file lacks is a secret.
func TestShippedFileNeedsOnlyASecret(t *testing.T) {
	loader := Loader{Path: filepath.Join("..", "..", "..", "config.yaml"), Purpose: ForServing}
	if _, err := loader.Load(); err == nil || !strings.Contains(err.Error(), "NUDGE_AUTH_SECRET") || strings.Contains(err.Error(), "\n") {
		t.Errorf("without a secret: %v", err)
	}
	t.Setenv("NUDGE_AUTH_SECRET", goodSecret)
	if _, err := loader.Load(); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	for key, env := range map[string]string{
		"listen":               "NUDGE_LISTEN",
		"log.level":            "NUDGE_LOG_LEVEL",
		"limits.stream_age":    "NUDGE_LIMITS_STREAM_AGE",
		"auth.previous_secret": "NUDGE_AUTH_PREVIOUS_SECRET",
	} {
		if got := settingByKey[key].env; got != env {
			t.Errorf("%s is %q in the environment, want %q", key, got, env)
		}
	}
	var secrets []string
	variables := map[string]bool{}
	for _, s := range settings {
		if variables[s.env] {
			t.Errorf("two keys share %s", s.env)
		}
		variables[s.env] = true
		if s.secret {
			secrets = append(secrets, s.key)
		}
	}
	want := []string{"redis.url", "redis.password", "redis.sentinel_password", "auth.secret", "auth.previous_secret", "auth.issuers"}
	if diff := cmp.Diff(want, secrets); diff != "" {
		t.Errorf("secrets: %s", diff)
	}
}

func TestNearestKey(t *testing.T) {
	for key, want := range map[string]string{
		"push.enable":    "push.enabled",
		"pol":            "poll",
		"ops-listen":     "ops_listen",
		"poll.heartbeat": "heartbeat",
		"secret":         "auth.secret",
		"redis.adress":   "redis.addrs",
		"wholly.strange": "",
		"":               "",
	} {
		if got := nearestKey(key); got != want {
			t.Errorf("nearest of %q is %q, want %q", key, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0B": 0, "1B": 1, "64KiB": 64 << 10, "64 KiB": 64 << 10, "2MiB": 2 << 20, "3kB": 3000, "1MB": 1_000_000, "1025B": 1025,
	} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", text, got, err, want)
		}
		if again, err := ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %v, which reads as %d (%v)", text, got, again, err)
		}
	}
	for _, text := range []string{"", "64", "KiB", "-1B", "1.5MiB", "1KB", "1kib", "1GiB", "0x10B", "1B B", "9007199254740993B", "9999999999999MiB"} {
		if size, err := ParseSize(text); err == nil {
			t.Errorf("%q reads as %d", text, size)
		}
	}
	if got := (64 * KiB).String(); got != "64KiB" {
		t.Errorf("64 KiB prints as %s", got)
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1500 * time.Millisecond: "1.5s", time.Minute: "1m", time.Hour: "1h", 90 * time.Second: "1m30s", 10 * time.Hour: "10h",
		time.Hour + time.Second: "1h0m1s", 100 * time.Millisecond: "100ms", 10 * time.Second: "10s", 10 * time.Minute: "10m",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v prints as %s, want %s", d, got, want)
		}
	}
}

func TestProxies(t *testing.T) {
	limits := Limits{TrustedProxies: []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::1"}}
	var got []string
	for _, network := range limits.Proxies() {
		got = append(got, network.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::1/128"}, got); diff != "" {
		t.Error(diff)
	}
}
