//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nudge/internal/exectest"
)

// Nothing is installed on a machine before somebody has agreed.
func TestInstallAsks(t *testing.T) {
	tools := []string{"bash", "cat", "mktemp", "rm", "tail", "env"}
	for _, test := range []struct {
		name      string
		env       []string
		succeeds  bool
		installed bool
	}{
		{"nobody is there", nil, true, false},
		{"CI", []string{"CI=true"}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			bin, called := t.TempDir(), filepath.Join(t.TempDir(), "called")
			for _, tool := range tools {
				path, err := exec.LookPath(tool)
				if err != nil {
					t.Skip(err)
				}
				must(t, os.Symlink(path, filepath.Join(bin, tool)))
			}
			for name, text := range map[string]string{
				"apt-get": `echo "$*" >>"` + called + `"`,
				"sudo":    `while [ "${1#-}" != "$1" ]; do shift; done; "$@"`, // as with a rule that asks for no password
				"id":      "echo 1000",
			} {
				must(t, os.WriteFile(filepath.Join(bin, name), []byte("#!"+filepath.Join(bin, "bash")+"\n"+text+"\n"), 0o700))
			}
			install := exectest.Command("../../.ci/install")
			install.Env = append([]string{"PATH=" + bin}, test.env...)
			out, err := install.CombinedOutput()
			if (err == nil) != test.succeeds {
				t.Errorf("%v: %s", err, out)
			}
			orders, _ := os.ReadFile(called)
			if installed := strings.Contains(string(orders), "install -y"); installed != test.installed || !installed && len(orders) > 0 {
				t.Errorf("apt-get was called with %q", orders)
			}
			if !test.installed && !strings.Contains(string(out), "sudo apt-get install ") {
				t.Errorf("it does not say what to run: %s", out)
			}
		})
	}
}

var (
	npmInstall = regexp.MustCompile(`npm\b.*[ "](?:ci|i|install)\b`)
	unpinned   = regexp.MustCompile(`@latest\b`)
)

// No package runs a script of its own when it is installed, and no tool comes in whichever version is the newest.
func TestNothingFromOutsideRunsUnseen(t *testing.T) {
	installs := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if name := filepath.Base(path); name == "node_modules" || name == ".git" || name == "bin" {
				return fs.SkipDir
			}
			return err
		}
		ours := strings.Contains(path, "/.ci/") || filepath.Base(path) == "Makefile" || filepath.Base(path) == "package.json"
		if !ours && filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if unpinned.MatchString(line) {
				t.Errorf("%s: %s names no version; write the one that was tried", path, strings.TrimSpace(line))
			}
			if ours && !strings.HasPrefix(strings.TrimSpace(line), "//") && npmInstall.MatchString(line) && !strings.Contains(line, "apt-get") && !strings.Contains(line, "regexp") {
				installs++
				if !strings.Contains(line, "--ignore-scripts") {
					t.Errorf("%s: %s lets packages run scripts; add --ignore-scripts", path, strings.TrimSpace(line))
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if installs < 3 {
		t.Errorf("%d calls of npm were found", installs)
	}
}

// A check for vulnerabilities that could not be made never looks like one that found none.
func TestVulncheckSaysThatItDidNotCheck(t *testing.T) {
	for _, test := range []struct {
		said      string
		code      int
		want      int
		unchecked string // what it says then
	}{
		{"No vulnerabilities found.", 0, 0, ""},
		{"Vulnerability #1: GO-2026-0001", 3, 1, ""},
		{"govulncheck: fetching vulnerabilities: no such host", 1, 2, "NOTHING WAS CHECKED: the database of vulnerabilities cannot be reached"},
		{"govulncheck: loading packages: no Go files", 1, 2, "NOTHING WAS CHECKED: govulncheck failed"},
	} {
		bin := t.TempDir()
		must(t, os.WriteFile(filepath.Join(bin, "go"), fmt.Appendf(nil, "#!/bin/sh\necho %q; exit %d\n", test.said, test.code), 0o700))
		check := exectest.Command("../../.ci/vulncheck")
		check.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := check.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Skip(err)
		}
		if got := check.ProcessState.ExitCode(); got != test.want || !strings.Contains(string(out), test.said) ||
			!strings.Contains(string(out), test.unchecked) || test.unchecked == "" && strings.Contains(string(out), "NOTHING") {
			t.Errorf("%q, exit %d: exit %d, not %d: %s", test.said, test.code, got, test.want, out)
		}
	}
}

// make alone lists every target, and does nothing else.
func TestMakeListsItsTargets(t *testing.T) {
	out, err := exectest.Command("make", "-C", "../..", "--no-print-directory").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile("../../Makefile")
	must(t, err)
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(string(out), "make "+m[1]+" ") {
			t.Errorf("make does not list %s; give it a comment after ##: %s", m[1], out)
		}
	}
}
