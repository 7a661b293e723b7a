//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nudge/version/redistest"
)

// Real pages in shadow bring the evidence for each verdict: 400 of an application as docs/migrate.md leaves it after step 2, and a few
// of one that forgets to say what it changed.
func TestShadowVerdicts(t *testing.T) {
	t.Parallel()
	for verdict, with := range map[string]struct {
		pages   int
		forgets bool
	}{": safe to switch": {pages: 400}, "not safe: push missed": {pages: 8, forgets: true}} {
		t.Run(strings.Trim(verdict, ": "), func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			m := newMigration(t, express, redis.Addr)
			m.site, m.projects, m.open = m.app, 8, with.pages
			m.env = append(m.env, "NUDGE_HEARTBEAT=5s") // so many pages are slow on a busy machine
			m.install(m.take("2 sh", "npm install"))
			if with.forgets {
				file := filepath.Join(m.dir, m.file())
				text, err := os.ReadFile(file)
				must(t, err)
				write(t, file, strings.ReplaceAll(string(text), "changed(id, version + 1)", ""))
			}
			m.start("nudge serves", "sh", "-ec", m.take("2 sh", "nudge serve"))
			m.start(m.app, "sh", "-ec", m.take("2 sh", "node app.js"))
			m.pages("0", "12")
			var shown string
			second, late := time.NewTicker(time.Second), time.After(4*patience) // only what is broken takes so long
			defer second.Stop()
			for n := 0; !strings.Contains(shown, verdict); n++ {
				if n%6 == 0 {
					m.commit("news")
				}
				select {
				case <-second.C:
				case <-late:
					t.Fatal(shown)
				}
				shown = m.run(". ./nudge.env\nnudge status --shadow")
			}
			t.Log(shown)
		})
	}
}
