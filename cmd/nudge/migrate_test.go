//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nudge/cmd/nudge/audit"
	"nudge/version/redistest"
)

// The way of docs/migrate.md, as somebody types it: from an application that pages poll to push, with Redis and the gateway
// killed on the way. Pages go on polling as before, and have push again.
func TestMigration(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]framework{"Express": express, "Rails": rails, "Django": django, "Laravel": laravel} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			migrate(t, name, of)
		})
	}
}

func migrate(t *testing.T, name string, of framework) {
	redis := redistest.Start(t)
	m := newMigration(t, of, redis.Addr)

	// 1. The logs of the application say what its pages have seen.
	install, start := m.take("2 sh", "npm install"), m.last("2 sh", m.file())
	begun := start[strings.LastIndex(strings.TrimSpace(start), "\n")+1:] // without what is not there yet
	app := m.start(m.app, "sh", "-ec", begun)
	out, err := m.command("node", "pages.mjs", m.front.URL, strconv.Itoa(m.projects), strconv.Itoa(m.open), "300").Output()
	must(t, err)
	seen := map[string]struct{ Polls, Empty float64 }{}
	must(t, json.Unmarshal(out, &seen))
	app.kill()
	_ = os.Remove(filepath.Join(m.dir, "app.sqlite")) // it begins with version 0 again
	if printed := m.run(m.take("1 sh", "nudge audit")); !strings.Contains(printed, "of these polls are not made") {
		t.Error(printed)
	}
	var report audit.Report
	must(t, json.Unmarshal([]byte(m.run("nudge audit --json access.log")), &report))
	if len(report.Polled) != len(seen) {
		t.Errorf("%d paths are polled, want those of %v", len(report.Polled), slices.Collect(maps.Keys(seen)))
	}
	for _, f := range report.Polled {
		truth := seen[strings.TrimPrefix(f.Path, "/projects/:id/")]
		share, found := truth.Empty/truth.Polls, f.Likely
		if math.Abs(found-share) > 0.05 || truth.Polls < 30 {
			t.Errorf("%s: the audit says that %.3f of the polls are empty, pages saw %.3f of %v", f.Path, found, share, truth.Polls)
		}
		t.Logf("%s every %v s: audit %.3f, pages %.3f of %v", f.Path, f.Every, found, share, truth.Polls)
	}

	// 2. In shadow, pages poll as before.
	m.install(install)
	serve := m.take("2 sh", "nudge serve")
	gateway := m.start("nudge serves", "sh", "-ec", serve)
	m.start(m.app, "sh", "-ec", start)
	pages := m.pages()
	at := m.each(pages, 0, "is poll proven")
	m.commit("in shadow")
	m.each(pages, at, "polls stories: 1")
	m.each(pages, at, "polls newest: 1")
	m.each(pages, len(pages.String()), "polls stories: 1") // by interval, although push is proven
	status := m.take("2 console", "nudge status --shadow")
	status, _, _ = strings.Cut(strings.TrimPrefix(status, "$ "), "\n")
	var shown string
	redistest.Until(t, "report of all pages", func() bool {
		shown = m.run(". ./nudge.env\n" + status)
		return strings.Contains(shown, fmt.Sprintf("polls of %d pages: ", m.open))
	})
	if !strings.Contains(shown, "not enough evidence yet") {
		t.Error(shown)
	}
	pages.kill()

	// 3. and 4. Pages poll rarely, and have news at once.
	m.run(m.take("3 sh", "--percent 1"))
	m.change(m.take("3 diff", "page.js"))
	m.run(". ./nudge.env\n" + m.take("4 sh", "--percent 100"))
	pages = m.pages()
	at = m.each(pages, 0, "is push proven rarely")
	if of.refuses { // rolled back, so nobody announces it: the next version is 2
		m.post(0, "refused", false)
	}
	at = m.news(pages, at, 2)

	// Nobody's page stops when Redis and the gateway are killed.
	redis.Kill()
	gateway.kill()
	at = m.each(pages, at, "is poll")
	m.commit("nobody announces it")
	m.each(pages, at, "polls stories: 3")
	m.each(pages, at, "polls newest: 3")
	m.each(pages, len(pages.String()), "polls stories: 3") // and so on, without news
	redis.Start()
	m.start("nudge serves", "sh", "-ec", serve)
	at = m.each(pages, at, "is push proven rarely")
	m.news(pages, at, 4)

	if out := m.run(". ./nudge.env\n" + m.take("4 sh", "--ramp-to")); !strings.Contains(out, "on the way to 100 percent") {
		t.Error(out)
	}
	if len(m.blocks) > 0 {
		t.Errorf("nobody has typed %q", m.blocks)
	}
	if m.front.unchanged.Load() == 0 {
		t.Error("no poll was answered 304 by the middleware")
	}
	row := fmt.Sprintf("| %s | %d | %d new, %d old | %d new, %d old |", name, m.commands,
		m.added[m.file()], m.removed[m.file()], m.added["page.js"], m.removed["page.js"])
	if page, err := os.ReadFile("../../docs/migrate.md"); err != nil || !strings.Contains(string(page), "\n"+row+"\n") {
		t.Errorf("docs/migrate.md does not have this row, which counts what was typed: %s", row)
	}
}

// install does step 2 up to what is started.
func (m *migration) install(install string) {
	m.t.Helper()
	m.run(install)
	m.change(m.take("2 diff", m.file()))
	m.change(m.take("2 diff", "page.js"))
	m.scale()
	m.run(m.take("2 sh", "nudge.env"))
}

// scale makes the pages poll every second, and every three.
func (m *migration) scale() {
	file := filepath.Join(m.dir, "page.js")
	text, err := os.ReadFile(file)
	must(m.t, err)
	write(m.t, file, strings.ReplaceAll(string(text), "0_000", "_000"))
}

// news changes every project, and waits until each page has this version, by one request for each of its two
// queries, or two where one was under way.
func (m *migration) news(pages *goingOn, at, version int) int {
	m.t.Helper()
	before := m.front.requests.Load()
	m.commit("news")
	end := max(m.each(pages, at, fmt.Sprint("polls stories: ", version)), m.each(pages, at, fmt.Sprint("polls newest: ", version)))
	if made := int(m.front.requests.Load() - before); made < 2*m.open || made > 4*m.open {
		m.t.Errorf("%d requests for news of version %d, want %d, or twice as many at most", made, version, 2*m.open)
	}
	return end
}
