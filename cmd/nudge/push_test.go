//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"nudge/fallback"
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
		{config, "off --ramp-to 100", 2, "--ramp-to goes with on only: nudge push on --ramp-to 100"},
		{config, "on --over 2d", 2, "--over and --guard go with --ramp-to"},
		{config, "on --guard missed", 2, "--over and --guard go with --ramp-to"},
		{config, "on --ramp-to 101", 2, "--ramp-to: 101 is above 100; write 100 or less"},
		{config, "on --ramp-to 1", 2, "--ramp-to: 1 is not above the first step of 1 percent"},
		{config, "on --percent 0 --ramp-to 10", 2, "--ramp-to: 10 is not above the first step of 0 percent"},
		{config, "on --ramp-to 100 --over 2", 2, "--over: \"2\" is no time; write one such as 90m, 12h or 2d"},
		{config, "on --ramp-to 100 --over -1d", 2, "--over: \"-1d\" is no time"},
		{config, "on --ramp-to 100 --over NaNd", 2, "--over: \"NaNd\" is no time"},
		{config, "on --ramp-to 100 --over 500ms", 2, "--over: too short or too long for 6 steps: step: 83ms is not from 100ms to 90 days"},
		{config, "on --ramp-to 100 --guard missed,late", 2, "--guard: \"late\" is none; there are missed, staleness, polls"},
		{open, "on --ramp-to 100", 2, "--ramp-to: with auth.open nobody has a subject"},
		{none, "off", 2, "redis.mode is none, so there is no fleet to switch; set NUDGE_REDIS_URL to the Redis of the gateways, or edit push.enabled in the configuration"},
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
		{
			"on --percent 20 --ramp-to 100 --over 2d --guard missed,polls", "push is switched on for the whole fleet, for 20 percent of the subjects, on the way to 100 percent " +
				"(50 percent not before TIME), since TIME; gateways whose configuration says push.enabled: false stay off\n",
			`{"enabled":true,"percent":20,"ramp_ms":null,"rollout":{"goal":100,"step_ms":86400000,"guards":["missed","polls"]}}`,
		},
		{
			"on --ramp-to 20 --guard none", "push is switched on for the whole fleet, for 1 percent of the subjects, on the way to 20 percent " +
				"(2 percent not before TIME), since TIME; gateways whose configuration says push.enabled: false stay off\n",
			`{"enabled":true,"percent":1,"ramp_ms":null,"rollout":{"goal":20,"step_ms":43200000,"guards":[]}}`,
		},
		{"clear", "no override: each gateway uses its own configuration, since TIME\n", "null"},
	} {
		set, _ := pushed(t, 0, config, strings.Fields(tt.args)...)
		status, _ := pushed(t, 0, config, "status")
		if got := aTime.ReplaceAllString(status, "TIME"); got != tt.says || !strings.HasPrefix(set, status) {
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

// A rollout goes up to its goal by itself, whichever gateway takes the steps, and a guard switches push off.
func TestRollout(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	text := quick("127.0.0.1:0", redis.Addr, "{ramp: 0s}")
	one, other := serveFile(t, configFile(t, text)), serveFile(t, configFile(t, text))
	subject := "user"
	for i := 0; fallback.BucketOf(subject) >= 50; i++ {
		subject = fmt.Sprint("user-", i)
	}
	token := mint(t, tokenClaims{subject: subject, subscribe: []string{"42"}})
	set, _ := pushed(t, 0, one.file, "on", "--percent", "50", "--ramp-to", "100", "--over", "300ms")
	for _, says := range []string{"on the way to 100 percent", "50 percent  now\n", "100 percent  from ", "missed, staleness, polls.\n"} {
		if !strings.Contains(set, says) {
			t.Errorf("it does not say %q:\n%s", says, set)
		}
	}
	one.connect(token, "42").untilType("hello")
	other.connect(token, "42").untilType("hello")
	news, report := 0, func() {}
	until := func(says string) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) { // no event tells of it
			news++
			if exit, _, errs := nudge("publish", "--config", one.file, fmt.Sprint("42@", news)); exit != 0 {
				t.Fatal(errs)
			}
			report()
			out, _ := pushed(t, 0, one.file, "status")
			if strings.Contains(out, says) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("nudge push status says %s, want %q", out, says)
			}
		}
	}
	until("for 100 percent of the subjects, on the way to 100 percent")
	until("for 100 percent of the subjects, since")

	pushed(t, 0, one.file, "on", "--percent", "50", "--ramp-to", "100", "--guard", "missed")
	ops := &gatewayProcess{process: one.process, url: one.ops}
	ops.untilAnswer("/status", func(_ int, body []byte) bool {
		return strings.Contains(string(body), `"waits":"the step is not over"`)
	})
	if _, out, _ := nudge("status", "--ops", one.ops); !strings.Contains(out, "on the way to 100%; the next step waits: the step is not over, until ") {
		t.Errorf("nudge status: %s", out)
	}
	report = func() {
		who := mint(t, tokenClaims{subject: fmt.Sprint("reporter-", news), subscribe: []string{"42"}})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, one.url+"/missed", strings.NewReader(fmt.Sprintf(`{"project":"42","version":%d}`, news+1000)))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+who)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		resp.Body.Close()
	}
	until("push is switched off for the whole fleet, since a guard ended the rollout (missed at 50 percent: polls found ")
	one.stderr.until(t, 0, "the rollout is over and push is switched off")
	ops.untilAnswer("/status", func(_ int, body []byte) bool { return strings.Contains(string(body), `"why":"missed at 50 percent`) })
}
