package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// The command says what a gateway with this configuration would say, and its exit code too. It prints neither token nor secret.
func TestTokenCheck(t *testing.T) {
	const tenant = "c2l4dGVlbiBieXRlcyB0aGF0IGFyZSBhIHNlY3JldCE="
	config := configFile(t, "poll: {fast: nonsense}\nauth:\n  secret: "+testSecret+"\n  claims: {subscribe: 'https://a/projects'}\n"+
		"  issuers: [{issuer: b, secret: 'base64:"+tenant+"', projects: ['b-*']}]\n")
	good := configFile(t, "auth:\n  secret: "+testSecret+"\n  claims: {subscribe: 'https://a/projects'}\n"+
		"  issuers: [{issuer: b, secret: 'base64:"+tenant+"', projects: ['b-*']}]\n")
	mint := func(args ...string) string {
		t.Helper()
		exit, stdout, stderr := nudge(append([]string{"token", "--config", good, "--subscribe", "42"}, args...)...)
		if exit != 0 {
			t.Fatal(stderr)
		}
		return strings.TrimSpace(stdout)
	}
	own, theirs := mint("--sub", "ann"), mint("--issuer", "b")
	for _, test := range []struct {
		args []string
		env  string
		exit int
		says string
	}{
		{[]string{own}, "", 0, "signature  ok  by auth.secret\n"},
		{[]string{own}, "", 0, "https://a/projects ok  \"42\"\n"},
		{[]string{own}, "", 0, "accepted, unless it is revoked\n"},
		{[]string{theirs}, "", 0, "signature  ok  by the secret of \"b\" in auth.issuers\n"},
		{[]string{own}, "NUDGE_AUTH_AUDIENCE=app", 1, "aud        NO  its aud is \"nudge\", and the gateway wants \"app\"\n               write aud: \"app\", or change auth.audience\n"},
		{[]string{own}, "NUDGE_AUTH_ISSUERS=[]", 0, "accepted"},
		{[]string{theirs}, "NUDGE_AUTH_ISSUERS=[]", 1, "signature  NO"},
		{[]string{"x.y"}, "", 1, "form       NO"},
		{nil, "", 2, "give one token, or - to read it"},
		{[]string{own, own}, "", 2, "give one token"},
	} {
		t.Run(test.says, func(t *testing.T) {
			if name, value, set := strings.Cut(test.env, "="); set {
				t.Setenv(name, value)
			}
			exit, stdout, stderr := nudge(append([]string{"token", "check", "--config", config}, test.args...)...)
			if exit != test.exit || !strings.Contains(stdout+stderr, test.says) {
				t.Errorf("exit %d\n%s%s", exit, stdout, stderr)
			}
			if exit == 1 && !strings.Contains(stderr, "a gateway would refuse this token: invalid") {
				t.Error(stderr)
			}
			for _, hidden := range []string{own, own[strings.LastIndexByte(own, '.')+1:], testSecret, tenant} {
				if strings.Contains(stdout+stderr, hidden) {
					t.Errorf("%q is in the output", hidden)
				}
			}
		})
	}
	exit, stdout, _ := nudge("token", "check", "--config", config, "--json", own)
	var report struct {
		Good     bool
		Findings []struct{ Check, Says string }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || exit != 0 || !report.Good || len(report.Findings) < 9 {
		t.Errorf("%v %s", err, stdout)
	}
	keys := t.TempDir() + "/keys.json"
	t.Setenv("NUDGE_AUTH_SECRET", "")
	t.Setenv("NUDGE_AUTH_JWKS", keys)
	if exit, _, stderr := nudge("token", "check", "--config", config, own); exit != 1 || !strings.Contains(stderr, "the file cannot be read: no such file") {
		t.Errorf("%d %s", exit, stderr)
	}
	for _, command := range [][]string{{"config", "check"}, {"serve"}} {
		if exit, _, stderr := nudge(append(command, "--config", good)...); exit != 1 ||
			!strings.Contains(stderr, "NUDGE_AUTH_JWKS: auth.jwks: "+keys+": the file cannot be read: no such file or directory; name a file that this user can read") {
			t.Errorf("%v: %d %s", command, exit, stderr)
		}
	}
	if err := os.WriteFile(keys, []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if exit, stdout, _ := nudge("token", "check", "--config", config, own); exit != 1 || !strings.Contains(stdout, "algorithm  NO  it is signed with \"HS256\", and auth.jwks goes with RS256") {
		t.Errorf("%d %s", exit, stdout)
	}
	if exit, _, stderr := nudge("token", "--config", good, "--subscribe", "42"); exit != 1 || !strings.Contains(stderr, "fetch a token from the identity provider") {
		t.Errorf("%d %s", exit, stderr)
	}
	if exit, _, stderr := nudge("token", "--config", good, "--subscribe", "42", "--issuer", "c"); exit != 2 || !strings.Contains(stderr, "has no secret in auth.issuers") {
		t.Errorf("%d %s", exit, stderr)
	}
}
