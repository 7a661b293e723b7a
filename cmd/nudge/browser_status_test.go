//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"nudge/version/redistest"
	"nudge/web/enginetest"
)

// says waits until an element of the status page has a text.
func (p *page) says(id, text string) {
	p.Until(fmt.Sprintf(`document.getElementById(%q).textContent.includes(%q)`, id, text))
}

// The status page follows its gateway by a stream: through an outage of Redis, a refused configuration, and its own end.
func TestBrowserStatus(t *testing.T) {
	t.Parallel()
	chromium, redis := enginetest.Chromium(t, enginetest.Options{}), redistest.Start(t)
	config := strings.Replace(quick("127.0.0.1:0", redis.Addr, "{ramp: 1s}"), "ops_listen: 127.0.0.1:0", "ops_listen: "+redistest.FreeAddress(t), 1)
	g := serveFile(t, configFile(t, config))
	p := open(t, chromium, g.ops+"/status")
	p.says("push-title", "Push works")
	p.says("live-text", "Live, by a stream")

	for path, body := range map[string]string{
		"/missed": `{"project":"42","version":7}`,
		"/shadow": `{"first":true,"polls":20,"empty":17,"news":3,"missed":3,"projects":{"42":3}}`,
	} {
		report, err := http.NewRequest(http.MethodPost, g.url+path, strings.NewReader(body))
		must(t, err)
		report.Header.Set("X-Nudge-Token", mint(t, tokenClaims{subject: "ann", subscribe: []string{"42"}}))
		resp, err := http.DefaultClient.Do(report)
		must(t, err)
		resp.Body.Close()
	}
	eval[any](p, `void nudge.refresh()`)
	p.says("stale", "Never published1: publish after each commit")
	p.says("shadow", "Not safeNot safe: push missed 3 of 3 news")
	p.says("shadow", "Polls saved85.0 % of 20")

	redis.Kill()
	p.says("push-title", "Push is down")
	p.says("push-do", "Redis")
	p.says("push-users", "Pages still work: they poll every 1 s.")
	p.says("live-text", "Live, by a stream")
	p.says("changes", "push is down, was healthy")
	if title := eval[string](p, "document.title"); !strings.HasPrefix(title, "Push is down · ") {
		t.Errorf("title %q", title)
	}
	redis.Start()
	p.says("push-title", "Push works")

	write(t, g.file, strings.Replace(config, "fast: 1s", "fast: 2s", 1))
	p.says("config", "poll.fast")
	write(t, g.file, config+"nonsense: 1\n")
	p.says("config", "nonsense")
	p.says("notes", "The configuration on disk was refused")
	runNudge(t, "push", "off", "--config", configFile(t, config))
	p.says("push-title", "Push is switched off")
	p.says("flag", "nudge push at ")

	g.kill()
	p.Until(`nudge.getSnapshot().stream !== 'proven'`)
	eval[any](p, `void nudge.refresh()`)
	p.says("away", "The gateway does not answer since ")
	write(t, g.file, config)
	serveFile(t, g.file)
	eval[any](p, `void nudge.refresh()`)
	p.Until(`document.getElementById('away').hidden`)
}

// A proxy that lets no stream through costs the page its stream, and nothing else.
func TestBrowserStatusPolls(t *testing.T) {
	t.Parallel()
	chromium := enginetest.Chromium(t, enginetest.Options{})
	g := serveFile(t, configFile(t, strings.Replace(quick("127.0.0.1:0", "", "{ramp: 1s}"), `mode: standalone, addrs: [""]`, "mode: none", 1)))
	to, err := url.Parse(g.ops)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status/events" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p := open(t, chromium, server.URL+"/status")
	p.says("push-title", "Push works")
	p.says("live-text", "Asks every 10 s")
	p.Until(`nudge.getSnapshot().nextPollAt - Date.now() < 12_000`)
}

// axe-core finds nothing, and nothing is wider than the screen: in calm, and while push is down.
func TestBrowserStatusIsAccessible(t *testing.T) {
	t.Parallel()
	axe, chromium, redis := loadAxe(t), enginetest.Chromium(t, enginetest.Options{}), redistest.Start(t)
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{ramp: 1s}")))
	p := open(t, chromium, g.ops+"/status")
	p.says("live-text", "Live, by a stream")
	p.Until(`document.querySelectorAll('.chart canvas').length === 4`)
	eval[any](p, `document.querySelector('details').open = true, document.querySelector('input[value=day]').click()`)
	for _, title := range []string{"Push works", "Push is down"} {
		if title == "Push is down" {
			redis.Kill()
		}
		p.says("push-title", title)
		for name, screen := range screens {
			p.Show(screen)
			axe.check(t, p, name+", "+title)
			if overflow := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); overflow > 0 {
				t.Errorf("%s: the page is %d px wider than the screen", name, overflow)
			}
		}
	}
}

// make screenshots: the status page of one of two gateways, some minutes after an outage of Redis.
func TestStatusScreenshots(t *testing.T) {
	dir := os.Getenv("NUDGE_TEST_SCREENSHOTS")
	if dir == "" {
		t.Skip("NUDGE_TEST_SCREENSHOTS names no folder: make screenshots")
	}
	t.Parallel()
	chromium, redis := enginetest.Chromium(t, enginetest.Options{}), redistest.Start(t)
	gateways := make([]*gatewayProcess, 2)
	const config = `node: gw-%d
listen: 127.0.0.1:0
ops_listen: 127.0.0.1:0
auth: {secret: %s}
redis: {mode: standalone, addrs: ["%s"]}
log: {level: %s}
`
	for i := range gateways {
		gateways[i] = serveFile(t, configFile(t, fmt.Sprintf(config, i+1, testSecret, redis.Addr, "info")))
	}
	load := func(streams int, prefix string, rate float64) {
		l := start(t, nil, "load", "--config", gateways[0].file, "--gateway", gateways[0].url+","+gateways[1].url, "--reopen",
			"--streams", strconv.Itoa(streams), "--projects", strconv.Itoa(streams/30), "--prefix", prefix, "--rate", fmt.Sprint(rate), "--duration", "20m")
		l.stderr.until(t, 0, fmt.Sprintf("%d of %[1]d streams open", streams))
	}
	load(900, "board-", 0.6)
	p := open(t, chromium, gateways[0].ops+"/status")
	screen := enginetest.Screen{Width: 1180, Height: 1400, Calm: true}
	p.Show(screen)
	points := func(n int) {
		for i := eval[int](p, `past.hour.at.length`); i < n; i++ { // one each 10 s
			p.Until(fmt.Sprintf(`past.hour.at.length > %d`, i))
		}
	}
	points(8)
	load(300, "team-", 0.2)
	points(14)
	write(t, gateways[0].file, fmt.Sprintf(config, 1, testSecret, redis.Addr, "debug"))
	redis.Kill()
	points(18)
	redis.Start()
	points(34)
	p.says("push-title", "Push works")
	screen.Height = eval[int](p, `Math.ceil(document.querySelector('.two').getBoundingClientRect().bottom + scrollY + 14)`)
	for theme, dark := range map[string]bool{"light": false, "dark": true} {
		screen.Dark = dark
		p.Show(screen)
		p.Until(fmt.Sprintf(`matchMedia('(prefers-color-scheme: dark)').matches === %t`, dark))
		n := eval[int](p, `past.hour.at.length`)
		points(n + 1) // drawn again
		writePicture(t, filepath.Join(dir, "status-"+theme+".png"), p.Picture())
	}
}
