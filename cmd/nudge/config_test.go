package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nudge/cmd/nudge/config"
	"nudge/internal/secrettest"
)

const goodSecret = secrettest.Marker + "-0123456789abcdef01234567"

// The tests see no variable of Nudge's but those they set. Those for tests stay.
func init() {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "NUDGE_") && !strings.HasPrefix(name, "NUDGE_TEST") {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
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
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// runConfig runs `nudge config …`.
func runConfig(t *testing.T, loader config.Loader, args ...string) (stdout, stderr string, err error) {
	command := newConfigCommand(func() config.Loader { return loader })
	command.SilenceErrors, command.SilenceUsage = true, true
	var out, errOut bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&errOut)
	command.SetArgs(args)
	err = command.Execute()
	secrettest.Check(t, "what nudge config says", out.String()+errOut.String()+fmt.Sprint(err))
	return out.String(), errOut.String(), err
}

func TestConfigCheck(t *testing.T) {
	inEmptyDirectory(t)
	t.Setenv("NUDGE_AUTH_SECRET", goodSecret)
	stdout, stderr, err := runConfig(t, config.Loader{}, "check")
	if err != nil || stdout != "defaults and environment: ok\n" || stderr != "" {
		t.Errorf("%q, %q, %v", stdout, stderr, err)
	}
	writeFile(t, "config.yaml", "node: a\n")
	t.Setenv("NUDGE_PUSH_ENABLE", "false")
	stdout, stderr, err = runConfig(t, config.Loader{}, "check")
	want := "warning: unknown variables are ignored: NUDGE_PUSH_ENABLE (did you mean NUDGE_PUSH_ENABLED?)\n"
	if err != nil || stdout != "config.yaml: ok\n" || stderr != want {
		t.Errorf("%q, %q, %v", stdout, stderr, err)
	}
}

// check says what serve would say, whatever the loader is for.
func TestConfigCheckWantsKeys(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "node: a\n")
	stdout, _, err := runConfig(t, config.Loader{Purpose: config.ForCommands}, "check")
	if err == nil || !strings.HasPrefix(err.Error(), "auth.secret: is not set") || stdout != "" {
		t.Errorf("%q, %v", stdout, err)
	}
	if _, _, err := runConfig(t, config.Loader{Purpose: config.ForCommands}, "print"); err != nil {
		t.Errorf("print: %v", err)
	}
}

func TestConfigRefusals(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "node: 42\nheartbeat: 15\n")
	t.Setenv("NUDGE_AUTH_SECRET", goodSecret)
	want := "config.yaml:1: node: 42 is a number, not text; write \"42\"\nconfig.yaml:2: heartbeat: 15 has no unit; write 15s for seconds"
	for _, command := range []string{"check", "print"} {
		stdout, _, err := runConfig(t, config.Loader{}, command)
		if err == nil || err.Error() != want || stdout != "" {
			t.Errorf("%s: %q, %v", command, stdout, err)
		}
		if _, usage := errors.AsType[usageError](err); usage {
			t.Errorf("%s: a bad configuration is not wrong usage", command)
		}
	}
}

func TestConfigUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"chekc"}, {"check", "config.yaml"}, {"print", "x"}} {
		_, _, err := runConfig(t, config.Loader{}, args...)
		if _, usage := errors.AsType[usageError](err); !usage {
			t.Errorf("config %v: %v, want wrong usage", args, err)
		}
	}
}

func TestConfigPrint(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "redis:\n  password: \"the word\"\npush:\n  include: [\"42\", team-*]\n  ramp: 90s\nnode: \"true\"\n")
	t.Setenv("NUDGE_AUTH_SECRET", goodSecret)
	t.Setenv("NUDGE_HEARTBEAT", "15s")
	stdout, _, err := runConfig(t, config.Loader{Flags: map[string]string{"listen": ":80"}}, "print")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"listen: :80 # --listen",
		"ops_listen: 127.0.0.1:9090 # default",
		`base_path: "" # default`,
		`node: "true" # config.yaml:6`,
		"  password: '********' # config.yaml:2",
		"  secret: '********' # NUDGE_AUTH_SECRET",
		`  previous_secret: "" # default`,
		`  include: ["42", team-*] # config.yaml:4`,
		"  ramp: 1m30s # config.yaml:5",
		"  jitter: 0.2 # default",
		"heartbeat: 15s # NUDGE_HEARTBEAT",
		"  body: 64KiB # default",
		"  addrs: [] # default",
	} {
		if !strings.Contains("\n"+stdout, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, stdout)
		}
	}
	for _, secret := range []string{goodSecret, "the word"} {
		if strings.Contains(stdout, secret) {
			t.Errorf("%q is printed", secret)
		}
	}
}

// What is printed is a configuration, and the same one but for the secrets.
func TestConfigPrintReadsBack(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "log: {level: \"debug\"}\npoll: {budget: 1250000, slow: 1h30m, jitter: 0.25}\nlimits: {body: 1025B, trusted_proxies: [\"::1\"]}\n"+
		"cors: {origins: [\"https://a.example:8443\"]}\nauth: {issuer: \"a: b # c\", cookie: \"~\"}\n")
	loaded, err := config.Loader{}.Load()
	must(t, err)
	stdout, _, err := runConfig(t, config.Loader{}, "print")
	must(t, err)
	must(t, os.WriteFile("printed.yaml", []byte(stdout), 0o600))
	again, err := config.Loader{Path: "printed.yaml"}.Load()
	if err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if diff := cmp.Diff(loaded.Config, again.Config); diff != "" {
		t.Error(diff)
	}
}

// A config.yaml of another program in the working directory stops no command that needs nothing of it.
func TestForeignFileStopsNoCommand(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "database: {host: db}\n")
	t.Setenv("NUDGE_AUTH_SECRET", goodSecret)
	for command, want := range map[string]string{
		"token --subscribe 42":       "",
		"publish 42@1":               "redis.mode is none",
		"watch 42":                   "redis.mode is none",
		"push status":                "redis.mode is none",
		"revoke --sub 7":             "redis.mode is none",
		"status":                     "reach the gateway",
		"serve":                      "probably another program's",
		"config check":               "probably another program's",
		"config print --config none": "",
	} {
		var stdout, stderr bytes.Buffer
		t.Setenv("NUDGE_OPS_LISTEN", "127.0.0.1:1")
		exit := run(strings.Fields(command), &stdout, &stderr)
		if (exit == 0) != (want == "") || !strings.Contains(stderr.String(), want) {
			t.Errorf("nudge %s: exit %d, %s", command, exit, stderr.String())
		}
	}
}
