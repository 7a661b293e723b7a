package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"nudge/cmd/nudge/simulate"
	"nudge/internal/exectest"
)

// allCommands are the commands that help shows, in its order; the program itself is the first.
func allCommands() []*cobra.Command {
	root := newRootCommand()
	root.InitDefaultHelpCmd()
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		all = append(all, cmd)
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				walk(sub)
			}
		}
	}
	walk(root)
	return all
}

var (
	subshell = regexp.MustCompile(`"?\$\(([^()]*)\)"?`)
	comment  = regexp.MustCompile(`\s#.*`)
)

// callsIn are the calls of nudge in a line of shell, as arguments.
func callsIn(line string) (calls [][]string) {
	line = comment.ReplaceAllString(line, "")
	for _, m := range subshell.FindAllStringSubmatch(line, -1) {
		calls = append(calls, callsIn(m[1])...)
	}
	line = strings.NewReplacer("<(", "| ", ")", "").Replace(subshell.ReplaceAllString(line, "x"))
	for part := range strings.SplitSeq(line, "|") {
		part, _, _ = strings.Cut(part, ">")
		words := strings.Fields(part)
		if at := slices.Index(words, "nudge"); at >= 0 {
			for i := range words {
				words[i] = strings.Trim(words[i], `'"`)
			}
			calls = append(calls, words[at+1:])
		}
	}
	return calls
}

// Each command says what it does and has examples, which parse.
func TestEachCommandHasExamples(t *testing.T) {
	calls := 0
	for _, cmd := range allCommands() {
		if cmd.Short == "" || cmd.Example == "" || cmd.Long == "" && cmd.Name() != "help" {
			t.Errorf("%s: say in its Short, Long and Example what it does", cmd.CommandPath())
		}
		shown := false
		for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", " ")) {
			for _, args := range callsIn(line) {
				root := newRootCommand()
				root.InitDefaultHelpCmd()
				named, rest, err := root.Find(args)
				if err == nil {
					err = named.ParseFlags(rest)
				}
				if err == nil && named.Name() != "help" {
					err = named.ValidateArgs(named.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: nudge %q: %v", cmd.CommandPath(), args, err)
					continue
				}
				calls++
				shown = shown || named.CommandPath() == cmd.CommandPath() || cmd.HasAvailableSubCommands()
			}
		}
		if !shown {
			t.Errorf("%s: no example calls it", cmd.CommandPath())
		}
	}
	if calls < 40 {
		t.Errorf("only %d calls were found", calls)
	}
}

// A command or a flag that is misspelt is a mistake of the caller; a command gets a suggestion.
func TestTyposGetSuggestions(t *testing.T) {
	for _, tt := range []struct{ args, says string }{
		{"sttaus", "did you mean nudge status?"},
		{"pubish", "did you mean nudge publish"},
		{"token chekc", "did you mean nudge token check?"},
		{"config pritn", "did you mean nudge config print?"},
		{"revoke lst", "did you mean nudge revoke list?"},
		{"completion bsh", "did you mean nudge completion bash"},
		{"help sttaus", "did you mean nudge status?"},
		{"completion", "bash, zsh or fish"},
		{"completion bash x", "takes no arguments"},
		{"status --wacth", "unknown flag: --wacth"},
	} {
		if exit, out, errs := nudge(strings.Fields(tt.args)...); exit != exitUsage || out != "" || !strings.Contains(errs, tt.says) {
			t.Errorf("nudge %s: exit %d, %s%s; want exit 2 and %q", tt.args, exit, out, errs, tt.says)
		}
	}
}

// The shell offers the values of arguments and flags that take no others.
func TestCompletions(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"push", ""}, []string{"on", "off", "clear", "status"}},
		{[]string{"simulate", "--script", ""}, simulate.Scripts()},
		{[]string{"load", "--publish", ""}, []string{"redis", "http"}},
		{[]string{"completion", ""}, []string{"bash", "fish", "zsh"}},
		{[]string{"status", "--w"}, []string{"--watch"}},
		{[]string{"status", ""}, nil},
		{[]string{"help", "token", ""}, []string{"check"}},
		{[]string{"--config", ""}, []string{"yaml", "yml"}},
		{[]string{"sta"}, []string{"status"}},
	} {
		_, out, _ := nudge(append([]string{"__complete"}, tt.args...)...)
		var got []string
		for line := range strings.Lines(out) {
			if name, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(name, ":") {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("nudge %q: %q, want %q", tt.args, got, tt.want)
		}
		if files := ":0\n"; strings.Contains(out, files) {
			t.Errorf("nudge %q: files are offered too: %s", tt.args, out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		exit, out, errs := nudge("completion", shell)
		if exit != 0 || errs != "" || !strings.Contains(out, "__complete") {
			t.Errorf("completion %s: exit %d, %d bytes, %s", shell, exit, len(out), errs)
		}
		if path, err := exec.LookPath(shell); err == nil {
			check := exectest.Command(path, "-n")
			check.Stdin = strings.NewReader(out)
			if said, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s -n: %v\n%s", shell, err, said)
			}
		}
	}
}

// The manual pages have what help says. With NUDGE_TEST_MAN they are written to that directory: make man.
func TestManPages(t *testing.T) {
	dir := os.Getenv("NUDGE_TEST_MAN")
	if dir == "" {
		dir = t.TempDir()
	}
	must(t, os.MkdirAll(dir, 0o755))
	date := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC) // a page must not change with the day on which it is made
	for _, cmd := range allCommands() {
		cmd.DisableAutoGenTag = true
		var page bytes.Buffer
		head := &doc.GenManHeader{Section: "1", Date: &date, Source: "nudge " + release, Manual: "Nudge"}
		must(t, doc.GenMan(cmd, head, &page))
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		must(t, os.WriteFile(filepath.Join(dir, name), page.Bytes(), 0o644))
		text := strings.ReplaceAll(page.String(), `\`, "")
		for _, want := range []string{cmd.Short, ".SH EXAMPLE", strings.TrimSpace(strings.Split(cmd.Example, "\n")[0])} {
			if !strings.Contains(text, strings.ReplaceAll(want, `\`, "")) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(text, "--"+f.Name) {
				t.Errorf("%s lacks --%s", name, f.Name)
			}
		})
	}
}

// jsonOf has for each command with --json an example of what it prints, and how it is called in this test; "": not here.
var jsonOf = map[string]struct{ example, args string }{
	"nudge audit":        {`{"logs": [], "requests": 41995, "one_client_of": 1, "polled": [{"path": "/projects/:id/changes?since=", "every_s": 10, "polls": 32517, "empty_certain": 0.96}], "outlook": {"now": {}, "with": {}, "saved": 0.93}}`, ""},
	"nudge config check": {`{"ok": true, "path": "config.yaml", "warnings": [], "problems": []}`, "--config none"},
	"nudge config print": {`{"poll.fast": {"value": "10s", "origin": "config.yaml:31"}}`, "--config none"},
	"nudge doctor":       {`{"url": "https://app.example.com/push", "good": false, "broken": ["host"], "proxy": ["nginx"], "checks": [{"check": "host", "status": "broken", "says": "…", "fix": "…", "remedies": [{"proxy": "nginx", "lines": ["proxy_set_header Host $http_host;"]}]}]}`, "--config none --watch 0s URL"},
	"nudge load":         {`{"started": "2026-11-27T12:00:00Z", "took_s": 61.2, "interrupted": false, "plan": {}, "streams": {}, "server": {}, "readers": {}, "problems": []}`, ""},
	"nudge publish":      {`{"accepted": 1, "stale": 0}`, "--gateway URL 42@3"},
	"nudge push":         {`{"seq": 3, "time": "2026-11-27T12:00:00Z", "override": {"enabled": true, "percent": 10, "ramp_ms": 60000}}`, ""},
	"nudge revoke":       {`{"sub": "ann", "before": 1764244800}`, "--gateway URL --sub ann --before now"},
	"nudge revoke list":  {`[{"name": "5d1f0c9ab33e42b8a1c07d6e", "sub": "ann", "before": 1764244800, "until": 1764331200, "set": 1764244800}]`, ""},
	"nudge revoke undo":  {`{"name": "5d1f0c9ab33e42b8a1c07d6e", "sub": "ann", "before": 1764244800, "until": 1764331200, "set": 1764244800}`, ""},
	"nudge simulate":     {`{"script": "steady", "seed": 1, "polls": 108000, "plain": [], "staleness_ms": {}, "phases": [], "seconds": []}`, "--browsers 100 --hours 0.01"},
	"nudge status":       {`{"protocol": 1, "node": "gw-1", "instance": "0a7c8c5f", "phase": "serving", "push": "healthy", "fleet": {}}`, "--ops URL"},
	"nudge token":        {`{"token": "eyJhbGciOi…", "exp": 1764248400}`, "--config none --subscribe 42"},
	"nudge token check":  {`{"good": true, "code": "", "findings": [{"check": "signature", "good": true, "says": "verified with auth.secret"}]}`, "--config none x"},
	"nudge version":      {`{"version": "0.1.0", "commit": "136e7d9a0b1c", "go": "go1.26.0"}`, ""},
	"nudge watch":        {`{"project": "42", "version": 124}`, ""},
}

// The commands without --json run until they are ended, or print text for people or shells.
var withoutJSON = []string{"nudge", "nudge completion", "nudge completion bash", "nudge completion fish", "nudge completion zsh", "nudge config", "nudge demo", "nudge help", "nudge serve"}

// docs/commands.md follows from the commands. UPDATE=1 writes it: make commands.
func TestCommandsPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(commandsHead)
	for _, cmd := range allCommands() {
		path := cmd.CommandPath()
		fmt.Fprintf(&page, "\n## %s\n\n%s.\n", path, cmd.Short)
		if cmd.Runnable() && cmd.HasParent() && cmd.Example != "" {
			fmt.Fprintf(&page, "\n```sh\n%s\n```\n", trimIndent(cmd.Example))
		}
		var rows []string
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" || f.Name == "version" {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" && f.DefValue != "0" && !strings.Contains(usage, "default") {
				usage += " (default `" + f.DefValue + "`)"
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", strings.TrimSpace("--"+f.Name+" "+value), strings.ReplaceAll(strings.ReplaceAll(usage, "|", `\|`), "'*'", "`*`")))
		})
		if len(rows) > 0 {
			page.WriteString("\n| flag | what it does |\n|---|---|\n" + strings.Join(rows, ""))
		}
		has, documented := cmd.Flags().Lookup("json") != nil, jsonOf[path].example != ""
		if documented {
			fmt.Fprintf(&page, "\nWith `--json`: `%s`\n", jsonOf[path].example)
		}
		if has != documented || has == slices.Contains(withoutJSON, path) {
			t.Errorf("%s: give it --json and an example in jsonOf, or name it in withoutJSON", path)
		}
	}
	const file = "../../docs/commands.md"
	if os.Getenv("UPDATE") != "" {
		must(t, os.WriteFile(file, []byte(page.String()), 0o644))
	}
	text, err := os.ReadFile(file)
	must(t, err)
	if string(text) != page.String() {
		t.Error("docs/commands.md is not what the commands say: make commands writes it")
	}
}

// What --json prints has the fields that docs/commands.md shows.
func TestJSONIsAsDocumented(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/status":
			io.WriteString(w, answered)
		case "/versions":
			io.WriteString(w, `{"accepted":1,"stale":0}`)
		case "/revocations":
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(gateway.Close)
	t.Setenv("NUDGE_AUTH_SECRET", testSecret)
	for path, tt := range jsonOf {
		var want, got any
		must(t, json.Unmarshal([]byte(tt.example), &want))
		if tt.args == "" && path != "nudge version" {
			continue
		}
		args := append(strings.Fields(path)[1:], strings.Fields(strings.ReplaceAll(tt.args, "URL", gateway.URL))...)
		_, out, errs := nudge(append(args, "--json")...)
		if err := json.Unmarshal([]byte(out), &got); err != nil || strings.Count(strings.TrimSpace(out), "\n") > 0 && path != "nudge status" {
			t.Errorf("%s: %v: %.200s%s", path, err, out, errs)
			continue
		}
		printed, shown := got.(map[string]any), want.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(shown)) {
			if _, ok := printed[name]; !ok {
				t.Errorf("%s prints no %s: %.300s", path, name, out)
			}
		}
	}
}

func trimIndent(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSuffix(strings.TrimPrefix(line, "  "), "\n"))
	}
	return strings.Join(lines, "\n")
}

const commandsHead = `# Commands

This page is made from the commands themselves (` + "`make commands`" + `). ` + "`nudge help COMMAND`" + ` says more of each.

- Results go to standard output, everything else to standard error.
- The exit code is 0, or 1 if the command failed or its result is bad, or 2 if it was called wrongly.
- With ` + "`--json`" + ` a command prints its result as JSON on one line. Fields may be added; those shown here keep their names and
  meaning. Times of tokens and revocations are seconds since 1970.
- On a terminal, long work shows how far it is. Elsewhere it prints a line now and then. There are no colours.
- ` + "`NUDGE_CONFIG`" + `, ` + "`NUDGE_GATEWAY` and `NUDGE_TOKEN`" + ` stand for ` + "`--config`, `--gateway` and `--token`" + `. Every key of the
  configuration has its variable too: ` + "`NUDGE_POLL_FAST` for `poll.fast`" + `.
- ` + "`source <(nudge completion bash)`" + ` makes the shell complete commands and flags. ` + "`make man`" + ` makes manual pages. The archives
  of a release have both.
`
