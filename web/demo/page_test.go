package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nudge/internal/exectest"
	"nudge/web"
)

func TestPage(t *testing.T) {
	app := New(Options{})
	w := ask(app, "GET", "/", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'self'", "base-uri 'none'", "frame-ancestors 'self'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	html := w.Body.String()
	// The policy would silently drop these.
	if found := regexp.MustCompile(`<style|\sstyle=|\son\w+=|<script(?: type="module")?>|https?://`).FindString(html); found != "" {
		t.Errorf("the page holds %q", found)
	}

	head := ask(app, "HEAD", "/", "")
	if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Errorf("HEAD: %d, %d bytes, %v", head.Code, head.Body.Len(), head.Header())
	}
	again := ask(app, "GET", "/", "", "If-None-Match", w.Header().Get("ETag"))
	if again.Code != http.StatusNotModified {
		t.Errorf("again: %d", again.Code)
	}
}

// Every file is reachable from the page, and everything it names is there.
func TestPageIsWhole(t *testing.T) {
	app := New(Options{Scripts: map[string][]byte{"nudge.js": []byte("//"), "nudge.inspect.js": []byte("//")}})
	link := regexp.MustCompile(`(?:from '\./|/app/page/)([\w.]+)`)
	reached := map[string]bool{"index.html": true}
	queue := []string{"/"}
	for len(queue) > 0 {
		w := ask(app, "GET", queue[0], "")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%s: %d %v", queue[0], w.Code, w.Header())
		}
		queue = queue[1:]
		for _, found := range link.FindAllStringSubmatch(w.Body.String(), -1) {
			if name := found[1]; !reached[name] {
				reached[name] = true
				queue = append(queue, "/app/page/"+name)
			}
		}
	}
	for name := range app.files {
		if !reached[name] {
			t.Errorf("%s is embedded and never used", name)
		}
	}
	read[refusal](t, ask(app, "GET", "/app/page/nothing.js", ""), http.StatusNotFound)
	read[refusal](t, ask(app, "GET", "/app/page/..%2fpage.go", ""), http.StatusNotFound)
}

// Browser tests, here and elsewhere, find their way by these.
func TestHooks(t *testing.T) {
	var all strings.Builder
	for _, content := range web.PageFiles(pages) {
		all.Write(content)
	}
	for _, id := range []string{
		"columns", "column", "story", "interval", "requests", "empty", "late", "mean", "changes", "lane", "line", "news", "toast",
	} {
		if !strings.Contains(all.String(), `data-testid="`+id+`"`) && !strings.Contains(all.String(), `dataset.testid = '`+id+`'`) {
			t.Errorf("no element is called %s", id)
		}
	}
}

// Titles come from anybody; they must never be parsed as HTML.
func TestPageParsesNoText(t *testing.T) {
	for name, content := range web.PageFiles(pages) {
		if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(`).Find(content); found != nil {
			t.Errorf("%s uses %s", name, found)
		}
	}
}

// The page applies events with rules of its own; they must be the server's.
func TestPageAppliesEventsAsTheServerDoes(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the page's model is not compared with the server's")
	}
	app := New(Options{})
	past := readState(t, app)
	for i := range 60 {
		id := 1 + (i*7)%14
		ask(app, "POST", storiesPath, fmt.Sprintf("title=story %d&column=%s", i, columns[i%3].ID))
		ask(app, "POST", fmt.Sprintf("%s/%d/move", storiesPath, id), fmt.Sprintf("column=%s&position=%d", columns[(i/2)%3].ID, i%5))
		ask(app, "POST", fmt.Sprintf("%s/%d/rename", storiesPath, id), fmt.Sprintf("title=name %d", i))
	}
	changes, want := readChanges(t, app, past.Version), readState(t, app)
	if len(changes.Events) < 150 || changes.State != nil {
		t.Fatalf("%d events", len(changes.Events))
	}

	input, err := json.Marshal(map[string]any{"past": past, "changes": changes})
	if err != nil {
		t.Fatal(err)
	}
	program := `
import {readFileSync} from 'node:fs';
const source = ` + quoted(t, web.PageFiles(pages)["model.js"]) + `;
const {Model} = await import('data:text/javascript,' + encodeURIComponent(source));
const {past, changes} = JSON.parse(readFileSync(0, 'utf8'));
const model = new Model(past);
model.take({...changes, events: changes.events.slice(0, 40)}); // the next answer overlaps this one
const fresh = model.take(changes);
if (fresh.length !== changes.events.length - 40) throw new Error('took ' + fresh.length);
if (model.take(changes).length !== 0) throw new Error('took them twice');
if (model.apply({...changes.events[0], version: model.version + 2})) throw new Error('jumped over a gap');
const stories = model.columns.flatMap(({id}) => model.order.get(id).map((story) => model.stories.get(story)));
process.stdout.write(JSON.stringify({version: model.version, stories}));
`
	cmd := exectest.CommandContext(t.Context(), node, "--input-type=module", "-e", program)
	cmd.Stdin = strings.NewReader(string(input))
	output, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("node: %s", exit.Stderr)
	}
	var got state
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != want.Version || !slices.Equal(got.Stories, want.Stories) {
		t.Errorf("page at %d:\n%v\nserver at %d:\n%v", got.Version, got.Stories, want.Version, want.Stories)
	}
}

// quoted is text as a JavaScript string.
func quoted(t *testing.T, text []byte) string {
	literal, err := json.Marshal(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(literal)
}

// The page says so of the chart. A run of today's simulator: make outage.
func TestOutageIsTheRunThatThePageDescribes(t *testing.T) {
	var result struct {
		Script   string
		Browsers int
		FastMS   int64 `json:"fast_ms"`
		Over     int   `json:"over_seconds"`
		Late     int   `json:"late_pages"`
		Phases   []struct {
			Name    string
			Seconds int
		}
		Seconds []struct{ Polls, Most float64 }
	}
	if err := json.Unmarshal(web.PageFiles(pages)["outage.json"], &result); err != nil {
		t.Fatal(err)
	}
	if result.Script != "redis" || result.Browsers != 30_000 || result.FastMS != 10_000 || len(result.Phases) != 3 || result.Phases[1].Seconds != 60 {
		t.Errorf("the chart is of another run: %s with %d browsers, phases %+v", result.Script, result.Browsers, result.Phases)
	}
	if result.Over != 0 || result.Late != 0 || len(result.Seconds) < 600 {
		t.Errorf("%d seconds with too many polls, %d late pages, in %d s", result.Over, result.Late, len(result.Seconds))
	}
}
