//go:build unix

package main

import (
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nudge/internal/exectest"
	"nudge/version/publish"
	"nudge/version/redistest"
)

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks are the pieces of code in a document of this repository that are of one language.
func blocks(t *testing.T, document, language string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", document))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no block of %s; a test that looks for nothing passes always", document, language)
	}
	return found
}

// Every line of shell by which the documents publish stores example@124 and announces it. None names a project that somebody may
// have: a newcomer runs what stands there.
func TestPublishingShell(t *testing.T) {
	t.Parallel()
	nudge, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var published int
	for _, document := range []string{"docs/publishing.md", "docs/start.md"} {
		for _, text := range blocks(t, document, "sh") {
			if !strings.Contains(text, "124") {
				continue // of another matter
			}
			published++
			name, _, _ := strings.Cut(text, "\n")
			t.Run(document+"/"+name, func(t *testing.T) {
				t.Parallel()
				publishByShell(t, nudge, text)
			})
		}
	}
	if published < 9 {
		t.Errorf("%d blocks publish, want 9 at least", published)
	}
}

func publishByShell(t *testing.T, nudge, script string) {
	for _, program := range []string{"redis-cli", "curl"} {
		if strings.Contains(script, program) {
			need(t, program)
		}
	}
	server := redistest.Start(t)
	server.Do("SET", "nudge:{example}", "123")
	env := []string{"NUDGE_REDIS_MODE=standalone", "NUDGE_REDIS_ADDRS=" + server.Addr}
	watch := start(t, env, "watch", "example")
	watch.stdout.until(t, 0, "example@123\n")
	host, port, _ := strings.Cut(server.Addr, ":")
	script = strings.ReplaceAll(script, "redis-cli ", "redis-cli -h "+host+" -p "+port+" ")
	script = strings.ReplaceAll(script, "127.0.0.1:6379", server.Addr)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exectest.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(nudge)+":"+os.Getenv("PATH"))
	if strings.Contains(script, "GATEWAY") {
		g := serveFile(t, configFile(t, quick("127.0.0.1:0", server.Addr, "{}")))
		cmd.Env = append(cmd.Env, "GATEWAY="+g.url, "TOKEN="+mint(t, tokenClaims{publish: []string{"example"}}))
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	watch.stdout.until(t, 0, "example@124\n")
	want := "124"
	if strings.HasPrefix(script, "redis-cli") && strings.Contains(script, " publish ") {
		want = "123" // it stores nothing
	}
	if got := server.Do("GET", "nudge:{example}"); got != want {
		t.Errorf("the key holds %v, want %s; it said:\n%s", got, want, out)
	}
}

// need skips the test without program, or fails it where .ci/install should have brought it.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" && (program == "redis-cli" || program == "node") {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

// What the recipes for other languages say is at least of that language.
func TestPublishingSyntax(t *testing.T) {
	t.Parallel()
	checkers := map[string]struct {
		suffix string
		check  []string
	}{
		"js":     {".mjs", []string{"node", "--check"}},
		"python": {".py", []string{"python3", "-m", "py_compile"}},
		"ruby":   {".rb", []string{"ruby", "-c"}},
		"php":    {".php", []string{"php", "-l"}},
	}
	for language, c := range checkers {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			need(t, c.check[0])
			for _, text := range blocks(t, "docs/publishing.md", language) {
				if language == "php" && !strings.HasPrefix(text, "<?php") {
					text = "<?php " + text
				}
				file := filepath.Join(t.TempDir(), "recipe"+c.suffix)
				write(t, file, text)
				if out, err := exectest.Command(c.check[0], append(c.check[1:], file)...).CombinedOutput(); err != nil {
					t.Errorf("%v:\n%s\n%s", err, out, text)
				}
			}
		})
	}
}

// What the document shows of Go is what the example of the package compiles.
func TestPublishingGo(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile(filepath.Join("..", "..", "clients", "go", "publish", "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range blocks(t, "docs/publishing.md", "go") {
		if !strings.Contains(flush(string(example)), flush(text)) {
			t.Errorf("clients/go/publish/example_test.go has not:\n%s", text)
		}
	}
}

// flush is text without indentation.
func flush(text string) (s string) {
	for line := range strings.Lines(text) {
		s += strings.TrimSpace(line) + "\n"
	}
	return s
}

// The SHA-1 of the script, wherever a document names one, is the script's.
func TestPublishingSHA(t *testing.T) {
	t.Parallel()
	want := fmt.Sprintf("%x", sha1.Sum([]byte(publish.Script())))
	for _, document := range []string{"docs/publishing.md", "docs/start.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", document))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`\b[0-9a-f]{40}\b`).FindAllString(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s names none", document)
		}
		for _, sha := range found {
			if sha != want {
				t.Errorf("%s names %s; it is %s", document, sha, want)
			}
		}
	}
}
