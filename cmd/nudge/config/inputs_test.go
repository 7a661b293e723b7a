package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every secret can come from a file, as orchestrators give them.
func TestSecretFiles(t *testing.T) {
	for _, s := range settings {
		if !s.secret {
			continue
		}
		t.Run(s.key, func(t *testing.T) {
			inEmptyDirectory(t)
			value := goodSecret
			if s.url {
				value = "redis://:hunter2@host:6379"
			}
			if s.typ.Kind() != reflect.String {
				value = "- {issuer: https://a.example, secret: " + goodSecret + "}\n- {issuer: https://b.example, secret: " + otherSecret + "}"
			}
			want, complaint := s.parse(value)
			if complaint != "" {
				t.Fatal(complaint)
			}
			writeFile(t, "secret", value+"\r\n")
			t.Setenv(s.fileEnv(), "secret")
			read := func() (layer, Problems) {
				return Loader{}.readEnvironment(os.LookupEnv, (&reading{files: map[string]content{}}).file)
			}
			got, problems := read()
			if len(problems) > 0 || !reflect.DeepEqual(got.values[s.key], want) || got.origins[s.key] != s.env+"_FILE" {
				t.Errorf("%v: read %q from %q", problems, got.values[s.key], got.origins[s.key])
			}
			t.Setenv(s.env, value)
			if _, problems := read(); len(problems) != 1 || !strings.Contains(problems.Error(), "contradicts "+s.env) {
				t.Errorf("both: %v", problems)
			}
		})
	}
}

func TestSecretFilesThatCannotBeRead(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "empty", "\n")
	writeFile(t, "two", goodSecret+"\nb\n")
	for file, want := range map[string]string{
		"":       "is empty; name a file, or unset it",
		"absent": "absent: no such file or directory; name a file that this user can read",
		".":      ".: is a directory; name a file that this user can read",
		"empty":  "empty is empty; write the secret into it",
		"two":    "two is not one line of text; write the secret, and nothing else, into it",
	} {
		t.Setenv("NUDGE_AUTH_SECRET_FILE", file)
		_, err := Loader{Purpose: ForServing}.Load()
		if want = "NUDGE_AUTH_SECRET_FILE: auth.secret: " + want; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := (Loader{Only: []string{"redis"}}).Load(); err != nil {
		t.Errorf("a command that does not use it: %v", err)
	}
	t.Setenv("NUDGE_LISTEN_FILE", "x") // no secret
	t.Setenv("NUDGE_AUTH_SECRET_FIL", "x")
	t.Setenv("NUDGE_AUTH_SECRET_FILE", "two")
	writeFile(t, "two", goodSecret)
	loaded, err := Loader{}.Load()
	if err != nil || len(loaded.Warnings) != 1 || !strings.HasSuffix(loaded.Warnings[0], "NUDGE_AUTH_SECRET_FIL (did you mean NUDGE_AUTH_SECRET_FILE?), NUDGE_LISTEN_FILE") {
		t.Errorf("%v: %v", err, loaded.Warnings)
	}
}

// Both kinds of mistakes are told in one round, and none that only follows from another.
func TestAllMistakesInOneRound(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "heartbeat: 15\nauth: {secrt: a}\npoll: {slow: 1s, fast: 10s, gap: x}\nredis: {mode: standalone, addrs: [\"a:1\"], tls: true, tls_ca: absent.pem}\n"+
		"tls: {cert: absent.crt, key: absent.key}\n")
	t.Setenv("NUDGE_LIMITS_BODY", "1")
	_, err := Loader{Purpose: ForServing}.Load()
	want := `config.yaml:1: heartbeat: 15 has no unit; write 15s for seconds
config.yaml:2: auth.secrt: unknown key; did you mean auth.secret?
config.yaml:3: poll.gap: x is not a duration; write a number with ms, s, m or h, such as 15s
NUDGE_LIMITS_BODY: limits.body: 1 has no unit; write 1B for bytes
config.yaml:3: poll.slow: 1s is below poll.fast (10s); write 10s or more
config.yaml:5: tls.cert: absent.crt: no such file or directory; name a PEM file that this user can read
config.yaml:5: tls.key: absent.key: no such file or directory; name a PEM file that this user can read
config.yaml:4: redis.tls_ca: absent.pem: no such file or directory; name a PEM file that this user can read`
	if err == nil {
		t.Fatal("accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

// A config.yaml of another program stops no command that needs nothing of it, and is said to be one.
func TestForeignFile(t *testing.T) {
	inEmptyDirectory(t)
	const foreign = "database: {host: db}\nserver:\n  port: 3000\n"
	writeFile(t, "config.yaml", foreign)
	for _, only := range []string{"redis", "auth", "ops_listen"} {
		if _, err := (Loader{Only: []string{only}}).Load(); err != nil {
			t.Errorf("%s: %v", only, err)
		}
	}
	want := "config.yaml: has no key of Nudge, so it is probably another program's; " +
		"name yours with --config FILE or NUDGE_CONFIG, or write --config none to read no file"
	if _, err := (Loader{}).Load(); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	for _, l := range []Loader{{Path: "none"}, {Path: "none", Only: []string{"redis"}}} {
		if loaded, err := l.Load(); err != nil || loaded.Path != "" {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if _, err := (Loader{Path: "config.yaml", Only: []string{"redis"}}).Load(); err != nil {
		t.Errorf("named, and the keys that count are good: %v", err)
	}
	if _, err := (Loader{Path: "config.yaml"}).Load(); err == nil || !strings.Contains(err.Error(), "config.yaml:1: database: unknown key") {
		t.Errorf("named: %v", err)
	}
	writeFile(t, "config.yaml", "heartbet: 15s\n")
	if _, err := (Loader{}).Load(); err == nil || !strings.Contains(err.Error(), "did you mean heartbeat?") {
		t.Errorf("a slip of the finger: %v", err)
	}
}

func TestFileNamedByVariable(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "node: unnamed\n")
	writeFile(t, "other.yaml", "node: other\n")
	writeFile(t, "flag.yaml", "node: flag\n")
	for _, test := range []struct{ variable, flag, node string }{
		{"", "", "unnamed"}, {"other.yaml", "", "other"}, {"none", "", ""}, {"other.yaml", "flag.yaml", "flag"}, {"other.yaml", "none", ""},
	} {
		t.Setenv("NUDGE_CONFIG", test.variable)
		loaded, err := Loader{Path: test.flag}.Load()
		if err != nil || loaded.Config.Node != test.node || len(loaded.Warnings) > 0 {
			t.Errorf("%+v: %v, %+v", test, err, loaded)
		}
	}
	t.Setenv("NUDGE_CONFIG", "absent.yaml")
	if _, err := (Loader{}).Load(); err == nil || !strings.HasPrefix(err.Error(), "absent.yaml: does not exist") {
		t.Error(err)
	}
}

// A secret in a file is read again, and so is a certificate.
func TestReloadOfSecretFile(t *testing.T) {
	path, secret := aFile(t), filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, goodSecret)
	t.Setenv("NUDGE_AUTH_SECRET_FILE", secret)
	w := watch(t, path, nil)
	writeFile(t, secret, otherSecret)
	if got := receive(t, w.applied).Auth.Secret; got != otherSecret {
		t.Errorf("secret %q", got)
	}
	must(t, receive(t, w.looked))
	w.wantLog(`level=INFO msg="configuration reloaded" changed=auth.secret`)
	must(t, os.Remove(secret))
	w.wantRefusal(fmt.Sprintf("NUDGE_AUTH_SECRET_FILE: auth.secret: %s: no such file or directory; name a file that this user can read", show(secret)))
	writeFile(t, secret, goodSecret)
	if got := receive(t, w.applied).Auth.Secret; got != goodSecret {
		t.Errorf("secret %q", got)
	}
}
