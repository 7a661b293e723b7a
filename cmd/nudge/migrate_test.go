//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nudge/cmd/nudge/audit"
	"nudge/exectest"
	"nudge/version/redistest"
)

// migration is the folder in which somebody does what docs/migrate.md says, and the processes that this starts.
type migration struct {
	t      *testing.T
	dir    string
	blocks map[string][]string // of the page, by step and language: "2 sh"
	env    []string
	app    string            // URL
	real   *strings.Replacer // of the addresses in the page

	projects, open int // so many pages are open
}

// newMigration makes the folder of an application that is not changed yet, with its modules.
func newMigration(t *testing.T, redis string) *migration {
	t.Helper()
	m := &migration{t: t, dir: t.TempDir(), blocks: blocksOf(t, "../../docs/migrate.md"), projects: 4, open: 8}
	for name, from := range map[string]string{
		"@tanstack/query-core": "web/node_modules/@tanstack/query-core", "express": "clients/node/node_modules/express",
		"@nudge-gateway/nudge": "web", "@nudge-gateway/server": "clients/node", // what npm install would unpack
	} {
		from, err := filepath.Abs("../../" + from)
		must(t, err)
		if _, err := os.Stat(from + "/package.json"); err != nil {
			if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
				t.Fatal(err)
			}
			t.Skip("modules are not installed: npm --prefix web ci --ignore-scripts, and the same in clients/node")
		}
		to := filepath.Join(m.dir, "node_modules", name)
		must(t, os.MkdirAll(filepath.Dir(to), 0o700))
		must(t, os.Symlink(from, to))
	}
	for _, file := range []string{"../../docs/migrate/app.js", "../../docs/migrate/page.js", "testdata/migrate/observe.mjs", "testdata/migrate/pages.mjs"} {
		m.copy(file)
	}
	write(t, filepath.Join(m.dir, "package.json"), `{"type": "module"}`)
	path, err := binary()
	must(t, err)
	app, gateway := redistest.FreeAddress(t), redistest.FreeAddress(t)
	_, port, _ := strings.Cut(app, ":")
	m.app = "http://" + app
	m.real = strings.NewReplacer("127.0.0.1:6379", redis, "127.0.0.1:3000", app, "127.0.0.1:8080", gateway)
	m.env = append(os.Environ(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"), "PORT="+port, "NODE_OPTIONS=--import=./observe.mjs",
		"NUDGE_LISTEN="+gateway, "NUDGE_OPS_LISTEN="+redistest.FreeAddress(t), "NUDGE_NODE=gw",
		// The same rules in shorter times.
		"NUDGE_POLL_FAST=1s", "NUDGE_POLL_SLOW=1h", "NUDGE_PUSH_RAMP=1s", "NUDGE_HEARTBEAT=1s", "NUDGE_REDIS_PROBE=200ms")
	return m
}

// copy puts a file into the folder.
func (m *migration) copy(file string) {
	m.t.Helper()
	text, err := os.ReadFile(file)
	must(m.t, err)
	write(m.t, filepath.Join(m.dir, filepath.Base(file)), string(text))
}

// blocksOf are the fenced blocks of a page, by the number of their step and their language: "2 sh".
func blocksOf(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	blocks := map[string][]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		step, _, _ := strings.Cut(section, ".")
		for i, part := range strings.Split(section, "\n```") {
			if language, code, _ := strings.Cut(part, "\n"); i%2 == 1 {
				blocks[step+" "+language] = append(blocks[step+" "+language], code+"\n")
			}
		}
	}
	return blocks
}

// take is the next block of a step, which must say this, with the real addresses.
func (m *migration) take(name, says string) string {
	m.t.Helper()
	if len(m.blocks[name]) == 0 || !strings.Contains(m.blocks[name][0], says) {
		m.t.Fatalf("docs/migrate.md: the next block of step %s does not say %q: %q", name, says, m.blocks[name])
	}
	code := m.blocks[name][0]
	if m.blocks[name] = m.blocks[name][1:]; len(m.blocks[name]) == 0 {
		delete(m.blocks, name)
	}
	return m.real.Replace(code)
}

func (m *migration) command(name string, args ...string) *exec.Cmd {
	cmd := exectest.Command(name, args...)
	cmd.Dir, cmd.Env = m.dir, m.env
	return cmd
}

// run types a block into a shell, and returns what it prints.
func (m *migration) run(block string) string {
	m.t.Helper()
	cmd := m.command("sh", "-ec", "npm() { :; }\n"+block) // the modules are there already
	cmd.Env = append(cmd.Env, "NODE_OPTIONS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s%v\n%s", block, err, out)
	}
	return string(out)
}

// change applies a block that is a change of a file.
func (m *migration) change(block string) {
	m.t.Helper()
	cmd := m.command("git", "apply", "-p0", "--unidiff-zero", "-")
	cmd.Stdin = strings.NewReader(block)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%s%v\n%s", block, err, out)
	}
}

// goingOn is a block or program that goes on.
type goingOn struct {
	*transcript
	kill func()
}

// start starts what goes on, and waits until it says this.
func (m *migration) start(ready string, args ...string) *goingOn {
	m.t.Helper()
	group := exectest.NewGroup()
	cmd, r := group.Add(m.command(args[0], args[1:]...)), &goingOn{transcript: newTranscript()}
	cmd.Stdout, cmd.Stderr = r, r
	must(m.t, cmd.Start())
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	r.kill = func() {
		group.Kill()
		<-exited
	}
	m.t.Cleanup(func() {
		r.kill()
		if m.t.Failed() {
			m.t.Logf("%s said:\n%s", args, r)
		}
	})
	r.until(m.t, 0, ready)
	return r
}

// pages opens pages of the application.
func (m *migration) pages() *goingOn {
	m.t.Helper()
	return m.start("page", "node", "pages.mjs", m.app, strconv.Itoa(m.projects), strconv.Itoa(m.open))
}

// each waits until every page has said this since from, and returns where the last one has.
func (m *migration) each(pages *goingOn, from int, says string) int {
	m.t.Helper()
	last := from
	for n := range m.open {
		last = max(last, pages.until(m.t, from, fmt.Sprintf("page %d %s", n+1, says)))
	}
	return last
}

// commit changes every project.
func (m *migration) commit(title string) {
	m.t.Helper()
	for p := range m.projects {
		m.post(p, title)
	}
}

func (m *migration) post(project int, title string) {
	m.t.Helper()
	answer, err := http.PostForm(fmt.Sprintf("%s/projects/%d/stories", m.app, project+1), url.Values{"title": {title}})
	must(m.t, err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		m.t.Fatal(answer.Status)
	}
}

// requests is how many requests of pages the application has had.
func (m *migration) requests() int {
	m.t.Helper()
	answer, err := http.Get(m.app + "/test/requests")
	must(m.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(m.t, err)
	n, err := strconv.Atoi(string(text))
	must(m.t, err)
	return n
}

// The way of docs/migrate.md, as somebody types it: from an application that pages poll to push, with Redis and the gateway
// killed on the way. Pages go on polling as before, and have push again.
func TestMigration(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	m := newMigration(t, redis.Addr)

	// 1. The logs of the application say what its pages have seen.
	app := m.start(m.app, "node", "app.js")
	out, err := m.command("node", "pages.mjs", m.app, strconv.Itoa(m.projects), strconv.Itoa(m.open), "300").Output()
	must(t, err)
	seen := map[string]struct{ Polls, Empty float64 }{}
	must(t, json.Unmarshal(out, &seen))
	app.kill()
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
		if math.Abs(found-share) > 0.05 || truth.Polls < 50 {
			t.Errorf("%s: the audit says that %.3f of the polls are empty, pages saw %.3f of %v", f.Path, found, share, truth.Polls)
		}
		t.Logf("%s every %v s: audit %.3f, pages %.3f of %v", f.Path, f.Every, found, share, truth.Polls)
	}

	// 2. In shadow, pages poll as before.
	m.install()
	serve, node := m.take("2 sh", "nudge serve"), m.take("2 sh", "node app.js")
	gateway := m.start("nudge serves", "sh", "-ec", serve)
	m.start(m.app, "sh", "-ec", node)
	pages := m.pages()
	at := m.each(pages, 0, "is poll proven")
	m.commit("in shadow")
	m.each(pages, at, "polls stories: 1")
	m.each(pages, at, "polls newest: 1")
	for range 2 {
		m.each(pages, len(pages.String()), "polls stories: 1") // by interval, although push is proven
	}
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
}

// install does step 2 up to what is started.
func (m *migration) install() {
	m.t.Helper()
	m.run(m.take("2 sh", "npm install"))
	m.change(m.take("2 diff", "app.js"))
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
	before := m.requests()
	m.commit("news")
	end := max(m.each(pages, at, fmt.Sprint("polls stories: ", version)), m.each(pages, at, fmt.Sprint("polls newest: ", version)))
	if made := m.requests() - before; made < 2*m.open || made > 4*m.open {
		m.t.Errorf("%d requests for news of version %d, want %d, or twice as many at most", made, version, 2*m.open)
	}
	return end
}
