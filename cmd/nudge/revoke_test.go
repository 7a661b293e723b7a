//go:build unix

package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"nudge/version/redistest"
)

// revoked runs nudge revoke within this process.
func revoked(t testing.TB, exit int, config string, args ...string) (stdout, stderr string) {
	t.Helper()
	got, stdout, stderr := nudge(append([]string{"revoke", "--config", config}, args...)...)
	if got != exit {
		t.Errorf("nudge revoke %q: exit %d, want %d:\n%s%s", args, got, exit, stdout, stderr)
	}
	if exit != 0 && stdout != "" {
		t.Errorf("nudge revoke %q failed, but wrote %q to stdout", args, stdout)
	}
	return stdout, stderr
}

func TestRevokeUsage(t *testing.T) {
	config := configFile(t, quick("127.0.0.1:0", redistest.FreeAddress(t), "{}"))
	none := configFile(t, "auth: {secret: "+testSecret+"}\n")
	for _, tt := range []struct {
		config string
		args   string
		exit   int
		says   string
	}{
		{config, "", 2, "nothing to revoke; write --jti J, --sub S, or --before TIME"},
		{config, "--until now", 2, "nothing to revoke"},
		{config, "--sub=", 2, "--sub is empty; give it a value"},
		{config, "--jti=7 --project=", 2, "--project is empty"},
		{config, "--project 42 --before now", 2, "--project goes with --sub only: nudge revoke --sub ann --project 42"},
		{config, "--jti 7 --sub ann --project 42", 2, "--project goes with --sub only"},
		{config, "--sub ann --project 4/2", 2, "--project: "},
		{config, "--before yesterday", 2, `--before: "yesterday" is no time; write now, one like 20`},
		{config, "--before 1795539600123", 2, "is no time"},
		{config, "--before 2100-01-01T00:00:00Z", 2, "before: 2100-01-01T00:00:00Z is more than a day ahead"},
		{config, "--sub ann --until 2000-01-01T00:00:00Z", 2, "until: 2000-01-01T00:00:00Z is over"},
		{config, "everybody", 2, "write --sub S for a user"},
		{config, "undo", 2, "the name of the revocation, as nudge revoke list shows it"},
		{config, "list ann", 2, "ann"},
		{config, "--sub ann", 1, "connection refused"},
		{config, "list", 1, "connection refused"},
		{config, "--gateway http://127.0.0.1:1 --sub ann", 1, "check that the gateway runs"},
		{config, "--gateway 127.0.0.1:1 --sub ann", 2, "is not the URL of a gateway"},
		{none, "--sub ann", 2, "redis.mode is none, so there is no fleet to tell; ask the one gateway: --gateway URL --token T"},
		{none, "list", 2, "redis.mode is none, so no list outlives a gateway"},
		{none, "undo 7", 2, "redis.mode is none, so"},
	} {
		if _, stderr := revoked(t, tt.exit, tt.config, strings.Fields(tt.args)...); !strings.Contains(stderr, tt.says) {
			t.Errorf("nudge revoke %s says %s, want %q", tt.args, stderr, tt.says)
		}
	}
}

// What is printed is what is stored, list says the same, and undo takes it back.
func TestRevokePrints(t *testing.T) {
	redis := redistest.Start(t)
	config := configFile(t, strings.Replace(quick("127.0.0.1:0", redis.Addr, "{}"), "auth: {", "auth: {token_life: 1h, ", 1)+"nonsense: 1\n")
	if out, stderr := revoked(t, 0, config, "list"); out != "nothing is revoked\n" || !strings.Contains(stderr, "warning: ignored: ") {
		t.Errorf("at first: %q, %q", out, stderr)
	}
	names := map[string]string{}
	for _, tt := range []struct{ args, says string }{
		{"--jti 7f", "revoked: all tokens with the id 7f, kept until TIME; nudge revoke undo NAME takes it back\n"},
		{"--sub ann", "revoked: all tokens of ann issued before TIME, kept until TIME; nudge revoke undo NAME takes it back\n"},
		{"--sub ann --project 42", "revoked: project 42 for tokens of ann issued before TIME, kept until TIME; nudge revoke undo NAME takes it back\n"},
		{"--before now", "revoked: all tokens issued before TIME, kept until TIME; nudge revoke undo NAME takes it back\n"},
		{"--before 2000-01-01T00:00:00Z", "revoked: all tokens issued before TIME, kept until TIME; nudge revoke undo NAME takes it back\n"},
	} {
		out, _ := revoked(t, 0, config, strings.Fields(tt.args)...)
		name := regexp.MustCompile("undo ([0-9a-f]{24})").FindStringSubmatch(out)
		if len(name) != 2 || strings.Replace(aTime.ReplaceAllString(out, "TIME"), name[1], "NAME", 1) != tt.says {
			t.Fatalf("nudge revoke %s prints %q", tt.args, out)
		}
		names[tt.args] = name[1]
		list, _ := revoked(t, 0, config, "list")
		if line := strings.Split(list, "\n")[1]; !strings.HasPrefix(line, name[1]+"  ") {
			t.Errorf("the newest is not the first:\n%s", list)
		}
	}
	var list []struct {
		Name, Sub, Jti, Project string
		Before, Until, Set      float64
	}
	out, _ := revoked(t, 0, config, "list", "--json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 5 {
		t.Fatalf("%v in %s", err, out)
	}
	for _, r := range list {
		if life := r.Until - r.Set; life < 3600 || life > 3700 { // token_life and the leeway
			t.Errorf("kept for %v s: %+v", life, r)
		}
	}
	if r := list[2]; r.Name != names["--sub ann --project 42"] || r.Sub != "ann" || r.Project != "42" || time.Since(time.Unix(int64(r.Before), 0)).Abs() > time.Minute {
		t.Errorf("%+v", r)
	}
	if out, _ := revoked(t, 0, config, "undo", names["--sub ann"]); !strings.HasPrefix(out, "taken back: all tokens of ann issued before ") {
		t.Error(out)
	}
	if _, stderr := revoked(t, 1, config, "undo", names["--sub ann"]); !strings.Contains(stderr, "nudge revoke list shows the names") {
		t.Error(stderr)
	}
	if out, _ := revoked(t, 0, config, "list"); strings.Contains(out, names["--sub ann"]) || !strings.Contains(out, names["--jti 7f"]) {
		t.Error(out)
	}
	if out, _ := revoked(t, 0, config, "--jti", "8", "--until", "2099-01-01T00:00:00Z", "--json"); !strings.Contains(out, `"jti":"8","until":4070908800,"set":`) {
		t.Error(out)
	}
}

// A revocation, through Redis or through any gateway, ends the streams of the whole fleet, and nobody else's. A gateway that
// starts later knows of it, and so does the fleet when Redis has lost it.
func TestRevokeReachesTheFleet(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	text := quick("127.0.0.1:0", redis.Addr, "{}")
	one, other := serveFile(t, configFile(t, text)), serveFile(t, configFile(t, text))
	tokens := map[string]string{}
	streams := map[string]*client{}
	for _, who := range []string{"ann", "bob", "eve"} {
		tokens[who] = mint(t, tokenClaims{subject: who, id: "of " + who, subscribe: []string{"42"}})
		streams[who] = other.connect(tokens[who], "42")
		streams[who].untilType("hello")
	}
	ended := func(who string) {
		t.Helper()
		if bye := streams[who].untilType("goodbye"); bye.data["reason"] != "revoked" {
			t.Errorf("goodbye %s, want revoked", bye.Data)
		}
	}
	revoked(t, 0, one.file, "--sub", "ann", "--before", time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
	ended("ann")
	app := mint(t, tokenClaims{subject: "app", revoke: []string{"*"}})
	if out, _ := revoked(t, 0, one.file, "--gateway", one.url, "--token", app, "--jti", "of bob"); out != "revoked: all tokens with the id of bob\n" {
		t.Error(out)
	}
	ended("bob")
	if _, stderr := revoked(t, 1, one.file, "--gateway", one.url, "--token", tokens["eve"], "--sub", "ann"); !strings.Contains(stderr, "claim revoke") {
		t.Error(stderr)
	}

	redis.Kill()
	redis.Start()
	late := serveFile(t, configFile(t, text))
	late.untilAnswer("/status", func(int, []byte) bool {
		_, body := (&gatewayProcess{process: late.process, url: late.ops}).get("/status", "")
		return strings.Contains(string(body), `"revocations":2`)
	})
	for who, want := range map[string]int{"ann": 401, "bob": 401, "eve": 200} {
		if status, body := late.get("/versions?project=42", tokens[who]); status != want {
			t.Errorf("%s: %d %s", who, status, body)
		}
	}
	if list, _ := revoked(t, 0, one.file, "list"); strings.Count(list, "\n") != 3 {
		t.Errorf("after a restart of Redis:\n%s", list)
	}
	streams["eve"].untilType("heartbeat")
}
