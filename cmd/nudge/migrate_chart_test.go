//go:build unix

package main

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"nudge/version/redistest"
)

// migrationChart is what docs/migrate.json holds.
type migrationChart struct {
	Pages    int              `json:"pages"`
	Requests []int            `json:"requests"` // of pages, which the application had in each second
	Phases   []migrationPhase `json:"phases"`
}

type migrationPhase struct {
	Name string `json:"name"`
	From int    `json:"from_s"`
}

// The requests of an application a second, before, in shadow, with push, while Redis and the gateway are away, and after that:
// for docs/migrate.svg. Times are a tenth of the usual ones, and a change comes every 2 s.
func TestMigrationChart(t *testing.T) {
	file := os.Getenv("NUDGE_TEST_MIGRATION")
	if file == "" {
		t.Skip("make migration runs it: two minutes")
	}
	redis := redistest.Start(t)
	m := newMigration(t, express, redis.Addr)
	m.projects, m.open = 8, 40
	m.env = append(m.env, "NUDGE_POLL_SLOW=30s")
	chart := migrationChart{Pages: m.open}
	phase := func(name string, seconds int) {
		chart.Phases = append(chart.Phases, migrationPhase{name, len(chart.Requests)})
		before, second := m.front.requests.Load(), time.NewTicker(time.Second)
		defer second.Stop()
		for n := range seconds {
			if n%2 == 0 {
				m.post(n/2%m.projects, "news", true)
			}
			<-second.C
			now := m.front.requests.Load()
			chart.Requests = append(chart.Requests, int(now-before))
			before = now
		}
	}
	m.scale()
	app, pages := m.start(m.app, "node", "app.js"), m.pages()
	m.each(pages, 0, "polls newest")
	phase("before", 20)
	pages.kill()
	app.kill()

	m.copy("../../docs/migrate/page.js")
	m.install(m.take("2 sh", "npm install"))
	serve := m.take("2 sh", "nudge serve")
	gateway := m.start("nudge serves", "sh", "-ec", serve)
	m.start(m.app, "sh", "-ec", m.take("2 sh", "node app.js"))
	pages = m.pages()
	m.each(pages, 0, "is poll proven")
	phase("shadow", 25)
	pages.kill()

	m.change(m.take("3 diff", "page.js"))
	pages = m.pages()
	at := m.each(pages, 0, "is push proven rarely")
	phase("on", 30)
	redis.Kill()
	gateway.kill()
	phase("outage", 20)
	redis.Start()
	m.start("nudge serves", "sh", "-ec", serve)
	phase("back", 30)
	m.each(pages, at, "is push proven rarely")
	text, err := json.Marshal(chart)
	must(t, err)
	must(t, os.WriteFile(file, append(text, '\n'), 0o600))
}
