//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nudge/internal/exectest"
	"nudge/version/redistest"
)

// framework is an application that pages poll: docs/migrate/app.EXT, which is not changed yet.
type framework struct {
	extension string
	page      string // of docs/migrate, with what is different from Express in step 2; "": nothing is
	needs     string // a command that fails if something is not installed
	env       []string
	refuses   bool // a story with the title "refused" is rolled back
}

var (
	express = framework{extension: "js"}
	rails   = framework{
		extension: "rb", page: "rails", refuses: true,
		needs: `ruby -e "%w[redis puma rails active_record sqlite3 action_controller].each { |library| require library }"`,
		env:   []string{"RUBYLIB=" + absolute("../../clients/ruby/lib")},
	}
	django = framework{
		extension: "py", page: "django", refuses: true, needs: `python3 -c "import redis, django"`,
		env: []string{"PYTHONPATH=" + absolute("../../clients/python"), "PYTHONDONTWRITEBYTECODE=1"},
	}
	laravel = framework{
		extension: "php", page: "laravel", refuses: true,
		needs: `php -r 'extension_loaded("redis") && extension_loaded("pdo_sqlite") && (include "Illuminate/autoload.php") || exit(1);'`,
	}
)

func absolute(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return path
}

// programs stand in front of those in the PATH. Of package managers the packages are there already; Composer also tells Laravel
// of it. Debian's Python has Debian's libraries.
var programs = map[string]string{
	"npm": "", "bundle": "", "pip": "", "composer": "touch installed", "python3": `exec /usr/bin/python3 "$@"`,
}

// migration is the folder in which somebody does what docs/migrate.md says, and the processes that this starts.
type migration struct {
	t      *testing.T
	of     framework
	dir    string
	blocks map[string][]string // of the page, by step and language: "2 sh"
	env    []string
	real   *strings.Replacer // of the addresses in the page
	app    string            // URL
	site   string            // where pages ask
	front  *front

	projects, open int            // so many pages are open
	commands       int            // that were typed
	added, removed map[string]int // lines, by file
}

// newMigration makes the folder of an application that is not changed yet, with its modules.
func newMigration(t *testing.T, of framework, redis string) *migration {
	t.Helper()
	m := &migration{
		t: t, of: of, dir: t.TempDir(), blocks: blocksOf(t, "../../docs/migrate.md"), projects: 2, open: 4,
		added: map[string]int{}, removed: map[string]int{},
	}
	if of.page != "" {
		sh, diff := m.blocks["2 sh"], m.blocks["2 diff"]
		own := blocksOf(t, "../../docs/migrate/"+of.page+".md")
		sh[0], sh[len(sh)-1], diff[0] = own["2 sh"][0], own["2 sh"][1], own["2 diff"][0]
	}
	for name, from := range map[string]string{
		"@tanstack/query-core": "web/node_modules/@tanstack/query-core", "express": "clients/node/node_modules/express",
		"@nudge-gateway/nudge": "web", "@nudge-gateway/server": "clients/node", // what npm install would unpack
	} {
		from := absolute("../../" + from)
		if _, err := os.Stat(from + "/package.json"); err != nil {
			lacks(t, "modules are not installed: npm --prefix web ci --ignore-scripts, and the same in clients/node")
		}
		to := filepath.Join(m.dir, "node_modules", name)
		must(t, os.MkdirAll(filepath.Dir(to), 0o700))
		must(t, os.Symlink(from, to))
	}
	must(t, os.Mkdir(filepath.Join(m.dir, "bin"), 0o700))
	for name, does := range programs {
		must(t, os.WriteFile(filepath.Join(m.dir, "bin", name), []byte("#!/bin/sh\n"+does+"\n"), 0o700))
	}
	for _, file := range []string{"../../docs/migrate/" + m.file(), "../../docs/migrate/page.js", "testdata/migrate/pages.mjs"} {
		m.copy(file)
	}
	write(t, filepath.Join(m.dir, "package.json"), `{"type": "module"}`)
	write(t, filepath.Join(m.dir, "bootstrap.php"), "<?php require '"+absolute("testdata/migrate/bootstrap.php")+"';")
	path, err := binary()
	must(t, err)
	app, gateway := redistest.FreeAddress(t), redistest.FreeAddress(t)
	_, port, _ := strings.Cut(app, ":")
	m.app, m.front = "http://"+app, startFront(t, app, filepath.Join(m.dir, "access.log"))
	m.site = m.front.URL
	m.real = strings.NewReplacer("127.0.0.1:6379", redis, "127.0.0.1:3000", app, "127.0.0.1:8080", gateway)
	m.env = append(os.Environ(), "PATH="+filepath.Join(m.dir, "bin")+":"+filepath.Dir(path)+":"+os.Getenv("PATH"), "PORT="+port, "TMPDIR="+m.dir,
		"NUDGE_LISTEN="+gateway, "NUDGE_OPS_LISTEN="+redistest.FreeAddress(t), "NUDGE_NODE=gw",
		// The same rules in shorter times.
		"NUDGE_POLL_FAST=1s", "NUDGE_POLL_SLOW=1h", "NUDGE_PUSH_RAMP=1s", "NUDGE_HEARTBEAT=1s", "NUDGE_REDIS_PROBE=200ms")
	m.env = append(m.env, of.env...)
	if out, err := m.command("sh", "-c", of.needs).CombinedOutput(); err != nil {
		lacks(t, fmt.Sprintf(".ci/install installs what is missing: %v\n%.500s", err, out))
	}
	return m
}

// lacks skips a test for which something is not installed, or fails it if NUDGE_TEST_REQUIRE is set.
func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// file is the application's.
func (m *migration) file() string { return "app." + m.of.extension }

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
	m.count(name, code)
	if m.blocks[name] = m.blocks[name][1:]; len(m.blocks[name]) == 0 {
		delete(m.blocks, name)
	}
	return m.real.Replace(code)
}

// last takes the last block of a step, which must say this.
func (m *migration) last(name, says string) string {
	m.t.Helper()
	all := m.blocks[name]
	m.blocks[name] = slices.Insert(all[:len(all)-1:len(all)-1], 0, all[len(all)-1])
	return m.take(name, says)
}

// count adds a block to what was typed.
func (m *migration) count(name, code string) {
	file := ""
	for line := range strings.Lines(code) {
		switch {
		case strings.HasSuffix(name, " sh") && !strings.HasPrefix(line, "export ") && line != "END\n":
			m.commands++
		case !strings.HasSuffix(name, " diff"):
		case strings.HasPrefix(line, "+++ "):
			file = strings.TrimSpace(line[4:])
		case strings.HasPrefix(line, "+"):
			m.added[file]++
		case strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "--- "):
			m.removed[file]++
		}
	}
}

func (m *migration) command(name string, args ...string) *exec.Cmd {
	cmd := exectest.Command(name, args...)
	cmd.Dir, cmd.Env = m.dir, m.env
	return cmd
}

// run types a block into a shell, and returns what it prints.
func (m *migration) run(block string) string {
	m.t.Helper()
	out, err := m.command("sh", "-ec", block).CombinedOutput()
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

// pages opens pages of the application; more are arguments of pages.mjs.
func (m *migration) pages(more ...string) *goingOn {
	m.t.Helper()
	return m.start("page", append([]string{"node", "pages.mjs", m.site, strconv.Itoa(m.projects), strconv.Itoa(m.open)}, more...)...)
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
		m.post(p, title, true)
	}
}

// post adds a story, which the application takes or refuses.
func (m *migration) post(project int, title string, taken bool) {
	m.t.Helper()
	answer, err := http.PostForm(fmt.Sprintf("%s/projects/%d/stories", m.app, project+1), url.Values{"title": {title}})
	must(m.t, err)
	_ = answer.Body.Close()
	if (answer.StatusCode == http.StatusCreated) != taken {
		m.t.Fatal(answer.Status)
	}
}
