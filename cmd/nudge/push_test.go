//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"nudge/version/redistest"
)

// pushed runs nudge push within this process.
func pushed(t testing.TB, exit int, config string, args ...string) (stdout, stderr string) {
	t.Helper()
	got, stdout, stderr := nudge(append([]string{"push", "--config", config}, args...)...)
	if got != exit {
		t.Errorf("nudge push %q: exit %d, want %d:\n%s%s", args, got, exit, stdout, stderr)
	}
	if exit != 0 && stdout != "" {
		t.Errorf("nudge push %q failed, but wrote %q to stdout", args, stdout)
	}
	return stdout, stderr
}

func TestPushUsage(t *testing.T) {
	config := configFile(t, quick("127.0.0.1:0", redistest.FreeAddress(t), "{}"))
	none := configFile(t, "auth: {secret: "+testSecret+"}\n")
	open := configFile(t, strings.Replace(quick("127.0.0.1:0", redistest.FreeAddress(t), "{}"), "secret: "+testSecret, "open: true", 1))
	for _, tt := range []struct {
		config string
		args   string
		exit   int
		says   string
	}{
		{config, "", 2, "say what to do: on, off, clear or status"},
		{config, "away", 2, "say what to do: on, off, clear or status"},
		{config, "on off", 2, "say what to do: on, off, clear or status"},
		{config, "off --percent 10", 2, "--percent goes with on only: nudge push on --percent 10"},
		{config, "status --percent 10", 2, "--percent goes with on only"},
		{config, "clear --ramp 0s", 2, "--ramp goes with on and off only"},
		{config, "status --ramp 0s", 2, "--ramp goes with on and off only"},
		{config, "on --percent 101", 2, "--percent: 101 is above 100; write 100 or less"},
		{config, "on --percent -1", 2, "--percent: -1 is below 0; write 0 or more"},
		{config, "on --percent 1.5", 2, "--percent: 1.5 is not"},
		{config, "on --percent 0x10", 2, "--percent: 0x10 is not"},
		{config, "on --percent=", 2, "--percent is empty"},
		{config, "off --ramp=", 2, "--ramp is empty"},
		{config, "off --ramp 60", 2, "--ramp: 60 has no unit; write 60s for seconds"},
		{config, "off --ramp soon", 2, "--ramp: soon is not a duration"},
		{config, "off --ramp -1s", 2, "--ramp: -1s is below 0s; write 0s or more"},
		{config, "on --ramp 25h", 2, "--ramp: 25h is above 24h; write 24h or less"},
		{none, "off", 2, "redis.mode is none, so there is no fleet to switch; edit push.enabled in the configuration instead"},
		{none, "status", 2, "redis.mode is none"},
		{open, "on --percent 10", 2, "with auth.open nobody has a subject"},
		{config, "off", 1, "Redis listens on this address (bind); until then, set push.enabled: false in the configuration of each gateway"},
		{config, "status", 1, "connection refused"},
	} {
		if _, stderr := pushed(t, tt.exit, tt.config, strings.Fields(tt.args)...); !strings.Contains(stderr, tt.says) {
			t.Errorf("nudge push %s says %s, want %q", tt.args, stderr, tt.says)
		}
	}
}

var aTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)

// What is printed is what is stored, and status says the same.
func TestPushPrints(t *testing.T) {
	redis := redistest.Start(t)
	config := configFile(t, quick("127.0.0.1:0", redis.Addr, "{}"))
	if out, _ := pushed(t, 0, config, "status"); out != "no override: each gateway uses its own configuration\n" {
		t.Errorf("at first: %q", out)
	}
	if out, _ := pushed(t, 0, config, "status", "--json"); out != `{"override":null}`+"\n" {
		t.Errorf("at first: %q", out)
	}
	for _, tt := range []struct{ args, says, override string }{
		{"off", "push is switched off for the whole fleet, since TIME; nudge push clear removes this\n", `{"enabled":false,"percent":null,"ramp_ms":null}`},
		{"off --ramp 0s", "push is switched off for the whole fleet, with a ramp of 0s, since TIME; nudge push clear removes this\n", `{"enabled":false,"percent":null,"ramp_ms":0}`},
		{"on", "push is switched on for the whole fleet, since TIME; gateways whose configuration says push.enabled: false stay off\n", `{"enabled":true,"percent":null,"ramp_ms":null}`},
		{"on --percent 10 --ramp 5m", "push is switched on for the whole fleet, for 10 percent of the subjects, with a ramp of 5m, since TIME; " +
			"gateways whose configuration says push.enabled: false stay off\n", `{"enabled":true,"percent":10,"ramp_ms":300000}`},
		{"clear", "no override: each gateway uses its own configuration, since TIME\n", "null"},
	} {
		set, _ := pushed(t, 0, config, strings.Fields(tt.args)...)
		status, _ := pushed(t, 0, config, "status")
		if got := aTime.ReplaceAllString(set, "TIME"); got != tt.says || status != set {
			t.Errorf("nudge push %s prints %q, and then status %q", tt.args, set, status)
		}
		out, _ := pushed(t, 0, config, "status", "--json")
		var report struct {
			Override json.RawMessage
			Seq      int64
			Time     time.Time
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil || string(report.Override) != tt.override ||
			report.Seq < 1 || time.Since(report.Time).Abs() > time.Minute {
			t.Errorf("nudge push %s: %v, status is %s", tt.args, err, out)
		}
	}
}

// The switch of the fleet: two gateways at once, whatever happens to Redis or the file, but for one that is off itself.
func TestPushReachesTheFleet(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	text := quick("127.0.0.1:0", redis.Addr, "{ramp: 300ms}")
	one, other := serveFile(t, configFile(t, text)), serveFile(t, configFile(t, text))
	token := mint(t, tokenClaims{subscribe: []string{"42"}})
	streams := []*client{one.connect(token, "42"), other.connect(token, "42")}
	for _, c := range streams {
		c.untilType("hello")
	}
	pushed(t, 0, one.file, "off")
	for _, c := range streams {
		if bye := c.untilType("goodbye"); bye.data["reason"] != "off" {
			t.Errorf("goodbye %s, want off", bye.Data)
		}
	}
	isOff := func(off bool) func(int, []byte) bool {
		return func(status int, body []byte) bool {
			return status == 200 && strings.Contains(string(body), `"push":"off"`) == off && strings.Contains(string(body), `"push":"healthy"`) != off
		}
	}
	one.untilAnswer("/poll-interval", isOff(true)) // nobody has a token here: at 100 percent that makes no difference

	// Redis restarts empty, and a gateway that comes later learns what the others remember.
	redis.Kill()
	redis.Start()
	late := serveFile(t, configFile(t, text))
	late.untilAnswer("/poll-interval", isOff(true))
	if out, _ := pushed(t, 0, one.file, "status"); !strings.HasPrefix(out, "push is switched off for the whole fleet") {
		t.Errorf("after a restart of Redis: %s", out)
	}

	// A reload keeps the override.
	write(t, one.file, strings.Replace(text, "ramp: 300ms", "ramp: 301ms", 1))
	one.stderr.until(t, 0, "configuration reloaded")
	if status, body := one.get("/poll-interval", ""); !isOff(true)(status, body) {
		t.Errorf("after a reload: %s", body)
	}

	// On again, but where the configuration says no.
	write(t, late.file, strings.Replace(text, "{ramp", "{enabled: false, ramp", 1))
	late.stderr.until(t, 0, "configuration reloaded")
	pushed(t, 0, one.file, "on", "--ramp", "0s")
	one.untilAnswer("/poll-interval", isOff(false))
	other.untilAnswer("/poll-interval", isOff(false))
	late.stderr.until(t, 0, "without effect on this gateway")
	if status, body := late.get("/poll-interval", ""); !isOff(true)(status, body) {
		t.Errorf("push.enabled is false here: %s", body)
	}
	var status struct{ Flag map[string]any }
	if _, body := (&gatewayProcess{process: one.process, url: one.ops}).get("/status", ""); json.Unmarshal(body, &status) != nil ||
		status.Flag["by"] != "override" || fmt.Sprint(status.Flag["own"]) != "map[enabled:true percent:100 ramp_ms:301]" {
		t.Errorf("/status: %s", body)
	}
	one.connect(token, "42").untilType("hello")
}
