//go:build unix

package main

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nudge/internal/exectest"
	"nudge/web/enginetest"
)

// demoProcess is a running demo.
type demoProcess struct {
	*process
	url      string
	commands []string // that it prints for another terminal
}

func startDemo(t testing.TB) *demoProcess {
	t.Helper()
	return startDemoAt(t, "127.0.0.1:0")
}

func startDemoAt(t testing.TB, address string) *demoProcess {
	t.Helper()
	d := &demoProcess{process: start(t, nil, "demo", "--listen", address)}
	d.stdout.until(t, 0, "Ctrl-C")
	for line := range strings.Lines(d.stdout.String()) {
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "curl ") || strings.Contains(text, " watch ") {
			d.commands = append(d.commands, text)
		}
		if _, rest, ok := strings.Cut(line, "open "); ok {
			d.url, _, _ = strings.Cut(rest, " ")
		}
	}
	if len(d.commands) != 2 {
		t.Fatalf("the demo printed %d commands:\n%s", len(d.commands), d.stdout)
	}
	return d
}

// turn turns a switch as the page does.
func (d *demoProcess) turn(t testing.TB, name string, on bool) {
	t.Helper()
	r, err := http.Post(d.url+"/app/switches", "application/json", strings.NewReader(fmt.Sprintf(`{%q:%t}`, name, on)))
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("turn %s: %v %v", name, r, err)
	}
	r.Body.Close()
}

// press presses a button of the page.
func (p *page) press(id string) { eval[bool](p, `document.getElementById("`+id+`").click(), true`) }

// shows is a condition: a board shows a story, in a column if one is named.
func shows(board, column, title string) string {
	return fmt.Sprintf(`!!document.querySelector('#%s [data-column%s] [data-title=%q]')`, board, column, title)
}

// figure is a number of a board that the page shows.
func (p *page) figure(board, name string) float64 {
	return eval[float64](p, fmt.Sprintf(`Number(document.querySelector('#%s [data-testid=%s]').textContent)`, board, name))
}

const healthy = "s.mode === 'push' && s.interval === 60000"

// The printed lines work, both boards follow, and what they show is what happened.
func TestBrowserDemo(t *testing.T) {
	t.Parallel()
	for name, start := range enginetest.All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testDemo(t, start(t, enginetest.Options{}))
		})
	}
}

func testDemo(t *testing.T, browser *enginetest.Browser) {
	d := startDemo(t)
	d.turn(t, "colleague", false)
	p := open(t, browser, d.url)
	p.snapshot(healthy)

	sh := func(command string) *exec.Cmd { return exectest.Command("sh", "-c", "exec env "+command) }
	if out, err := sh(d.commands[0]).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", d.commands[0], err, out)
	}
	for _, board := range []string{"polling", "nudge"} {
		p.Until(shows(board, "=backlog", "Write the release note"))
	}
	// The one came with its news, the other was found by a poll. A page that starts on a busy machine may poll before its stream
	// is proven, but not for news.
	if nudge, polling := eval[float64](p, "nudge.getSnapshot().stats.newsPolls"), p.figure("polling", "requests"); nudge != 0 || polling < 1 {
		t.Errorf("Nudge made %v polls for news, plain polling %v requests", nudge, polling)
	}
	for _, board := range []string{"polling", "nudge"} { // how late depends on the machine
		if late := p.figure(board, "late"); late <= 0 || late > 60 {
			t.Errorf("%s: %v s late", board, late)
		}
	}

	// Own moves, on either board, cost the board with Nudge no poll; news of a number alone costs one.
	before := p.figure("nudge", "requests")
	for i, board := range []string{"nudge", "polling"} {
		eval[bool](p, fmt.Sprintf(`document.querySelector('#%s [data-title="Dark theme"]').click(), true`, board))
		to := []string{"=backlog", "=doing"}[i]
		p.Until(shows("nudge", to, "Dark theme"))
		p.Until(shows("polling", to, "Dark theme"))
	}
	if polls := p.figure("nudge", "requests") - before; polls > 1 { // one may be due just then
		t.Errorf("%v requests for two moves of the visitor's own", polls)
	}
	d.turn(t, "data", false)
	before = p.figure("nudge", "requests")
	eval[bool](p, `document.querySelector('#polling [data-title="Dark theme"]').click(), true`)
	p.Until(shows("nudge", "=done", "Dark theme"))
	eval[bool](p, `document.querySelector('#nudge [data-title="Print a board"]').click(), true`)
	p.Until(shows("polling", "=backlog", "Print a board"))
	if polls := p.figure("nudge", "requests") - before; polls < 1 || polls > 2 {
		t.Errorf("%v requests for a number without its change, and an own move; want 1", polls)
	}

	// By keyboard.
	eval[bool](p, `(card => { card.focus(); return card.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true})) })(document.querySelector('#nudge [data-title="Guests may comment"]')), true`)
	p.Until(shows("nudge", "=doing", "Guests may comment") + ` && document.activeElement.dataset.title === 'Guests may comment'`)

	watch := sh(d.commands[1])
	said := newTranscript()
	watch.Stdout = said
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	defer watch.Wait()
	defer watch.Process.Kill()
	said.until(t, 0, "42@129\n")
	d.turn(t, "colleague", true)
	said.until(t, 0, "42@130\n")

	// What looks into the page has styles of its own, whatever the page's policy forbids.
	p.press("inspect")
	inside := `document.querySelector('nudge-inspect').shadowRoot`
	p.Until(`getComputedStyle(` + inside + `.querySelector('section')).position === 'fixed'`)
	p.Until(`/proven/.test(` + inside + `.querySelector('dl').innerText)`)
}

// Whatever visitors break, both boards go on, Nudge polls as often as the plain board, and comes back by itself.
func TestBrowserDemoBreaks(t *testing.T) {
	t.Parallel()
	chromium := enginetest.Chromium(t, enginetest.Options{})
	for name, fault := range map[string]struct{ broken, line, back string }{
		"redis":   {"s.push === 'down' && s.interval === 3000", "Redis is stopped", "s.push === 'healthy' && s.interval > 3000"},
		"gateway": {"s.mode === 'poll' && s.interval === 3000", "The gateway is gone", "s.mode === 'push' && s.interval > 3000"},
		"events":  {"s.mode === 'poll' && s.interval === 3000", "A proxy swallows all events. Nudge noticed", "s.mode === 'push' && s.interval > 3000"},
		"push":    {"s.push === 'off' && s.interval === 3000", "Push is switched off. Nudge asks every 3 s", "s.mode === 'push' && s.interval > 3000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t)
			d.turn(t, "colleague", false)
			p := open(t, chromium, d.url)
			p.snapshot(healthy)
			move := func(n int) {
				t.Helper()
				r, err := http.Post(d.url+"/app/projects/42/stories", "", strings.NewReader(fmt.Sprint("title=story ", n)))
				if err != nil || r.StatusCode != http.StatusCreated {
					t.Fatal(r, err)
				}
				r.Body.Close()
				for _, board := range []string{"polling", "nudge"} {
					p.Until(shows(board, "=backlog", fmt.Sprint("story ", n)))
				}
			}
			p.press("switch-" + name)
			move(1)
			p.snapshot(fault.broken)
			p.Until(fmt.Sprintf(`document.getElementById('line').textContent.startsWith(%q)`, fault.line))
			move(2)
			requests := p.figure("nudge", "requests")
			p.Until(fmt.Sprintf(`Number(document.querySelector('#nudge [data-testid=requests]').textContent) >= %v`, requests+2))
			p.press("switch-" + name)
			p.snapshot(fault.back)
			move(3)
			p.Until(`[...document.querySelectorAll('[data-testid=changes]')].every((e) => e.textContent === 'has 3 of 3 changes')`)
		})
	}
}

// A page that is opened while the gateway is stopped polls, and has push when the gateway is there.
func TestBrowserDemoOpensWithoutGateway(t *testing.T) {
	t.Parallel()
	chromium := enginetest.Chromium(t, enginetest.Options{})
	d := startDemo(t)
	d.turn(t, "colleague", false)
	d.turn(t, "gateway", false)
	p := open(t, chromium, d.url)
	if out, err := exectest.Command("sh", "-c", d.commands[0]).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", d.commands[0], err, out)
	}
	for _, board := range []string{"polling", "nudge"} {
		p.Until(shows(board, "=backlog", "Write the release note"))
	}
	p.Until(`document.getElementById('line').textContent.startsWith('The gateway is gone. Nudge asks every 3 s')`)
	d.turn(t, "gateway", true)
	p.snapshot("s.mode === 'push'")
}

// Turning push on again is noticed about as quickly as turning it off.
func TestBrowserDemoPushComesBackSoon(t *testing.T) {
	t.Parallel()
	chromium := enginetest.Chromium(t, enginetest.Options{})
	d := startDemo(t)
	p := open(t, chromium, d.url)
	p.snapshot(healthy)
	p.press("switch-push")
	p.snapshot("s.push === 'off'")
	// Now it asks for terms at the pace that it is left with.
	const asked = `performance.getEntriesByType('resource').filter(({name}) => name.includes('/poll-interval')).length`
	before := eval[int](p, asked)
	p.Until(fmt.Sprintf("%s >= %d", asked, before+2))
	p.press("switch-push")
	began := time.Now()
	p.snapshot("s.stream === 'open' || s.stream === 'proven'")
	took := time.Since(began)
	t.Logf("a stream %v after push is on again", took)
	if took > 25*time.Second { // 3.6 s until the page asks, 3 s of ramp; the rest is for a busy machine
		t.Errorf("a stream only %v after push is on again", took)
	}
}

// The demo is stopped and started again: its open page goes on by itself, with the board of the new process.
func TestBrowserDemoIsRestarted(t *testing.T) {
	t.Parallel()
	chromium := enginetest.Chromium(t, enginetest.Options{})
	d := startDemo(t)
	d.turn(t, "colleague", false)
	p := open(t, chromium, d.url)
	p.snapshot(healthy)
	if out, err := exectest.Command("sh", "-c", d.commands[0]).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", d.commands[0], err, out)
	}
	p.Until(shows("nudge", "=backlog", "Write the release note"))
	p.press("switch-redis")
	d.kill()
	p.Until(`/does not answer. Start it again/.test(document.getElementById('toast').textContent)`)
	d = startDemoAt(t, strings.TrimPrefix(d.url, "http://"))
	for _, board := range []string{"polling", "nudge"} {
		p.Until("!" + shows(board, "", "Write the release note"))
	}
	p.Until(`/was restarted/.test(document.getElementById('toast').textContent)`)
	p.Until(`document.getElementById('switch-redis').textContent.trim() === 'Stop Redis'`)
	p.snapshot("s.mode === 'push'")
	d.turn(t, "colleague", true)
	for _, board := range []string{"polling", "nudge"} {
		p.Until(fmt.Sprintf(`/^has ([1-9]) of \1 /.test(document.querySelector('#%s [data-testid=changes]').textContent)`, board))
	}
}

// screens are a desktop and a phone, in light and dark.
var screens = map[string]enginetest.Screen{
	"desktop light": {Width: 1440, Height: 900},
	"desktop dark":  {Width: 1440, Height: 900, Dark: true},
	"phone light":   {Width: 390, Height: 844, Calm: true},
	"phone dark":    {Width: 390, Height: 844, Dark: true, Calm: true},
}

// axeCore is the script of axe-core, which finds what is hard to use for people with a disability.
type axeCore string

func loadAxe(t testing.TB) axeCore {
	t.Helper()
	script, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skip("axe-core is not installed: npm --prefix web ci --ignore-scripts")
	}
	return axeCore(script)
}

// check fails for each finding on the page.
func (axe axeCore) check(t testing.TB, p *page, state string) {
	t.Helper()
	eval[string](p, "(() => { if (!window.axe) { "+string(axe)+"\n } return window.axe.version })()")
	p.Until(`document.getAnimations().length === 0`) // what fades has less contrast for a moment
	for _, found := range eval[[]struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}](p, `axe.run().then(({violations}) => violations)`) {
		for _, node := range found.Nodes {
			t.Errorf("%s: %s: %s\n%s\n%s", state, found.ID, found.Help, node.HTML, node.FailureSummary)
		}
	}
}

// axe-core finds nothing: in calm, with something broken, and with the inspector open.
func TestBrowserDemoIsAccessible(t *testing.T) {
	t.Parallel()
	axe := loadAxe(t)
	chromium := enginetest.Chromium(t, enginetest.Options{})
	d := startDemo(t)
	p := open(t, chromium, d.url)
	p.snapshot(healthy)
	for name, screen := range screens {
		p.Show(screen)
		p.Until(`!!document.querySelector('#chart canvas')`)
		if overflow := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); overflow > 0 {
			t.Errorf("%s: the page is %d px wider than the screen", name, overflow)
		}
		if bottom := eval[float64](p, `document.querySelector('#nudge .figures').getBoundingClientRect().bottom`); bottom > float64(screen.Height)-180 {
			t.Errorf("%s: the figures end at %v px: they must be seen without scrolling, above the switches", name, bottom)
		}
		d.turn(t, "colleague", true) // so that marks and labels are there
		p.Until(`document.querySelectorAll('#polling .fresh').length > 0`)
		d.turn(t, "colleague", false)
		axe.check(t, p, name+", calm")
	}
	p.press("switch-redis")
	p.press("inspect")
	p.snapshot("s.push === 'down'")
	for name, screen := range screens {
		p.Show(screen)
		axe.check(t, p, name+", Redis stopped")
	}
}

// make screenshots: what the README shows, taken from the demo after a minute of its work.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("NUDGE_TEST_SCREENSHOTS")
	if dir == "" {
		t.Skip("NUDGE_TEST_SCREENSHOTS names no folder: make screenshots")
	}
	chromium := enginetest.Chromium(t, enginetest.Options{})
	p := open(t, chromium, startDemo(t).url)
	screen := enginetest.Screen{Width: 1080, Height: 900, Calm: true}
	p.Show(screen)
	p.snapshot(healthy)
	p.Until(`Number(document.querySelector('#polling [data-testid=requests]').textContent) >= 18`)
	screen.Height = eval[int](p, `Math.ceil(document.querySelector('.break').getBoundingClientRect().bottom + 14)`)
	for theme, dark := range map[string]bool{"light": false, "dark": true} {
		screen.Dark = dark
		p.Show(screen)
		// The polling board has just learnt of a change that Nudge's has had for a while.
		p.Until(`!!document.querySelector('#polling .fresh') && !document.querySelector('#polling .fresh').getAnimations().every((a) => a.currentTime > 500)
			&& Number(document.querySelector('#polling [data-testid=late]').textContent) > 1`)
		writePicture(t, filepath.Join(dir, "demo-"+theme+".png"), p.Picture())
	}
}

// writePicture writes a picture as small as PNG allows.
func writePicture(t *testing.T, path string, picture []byte) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
