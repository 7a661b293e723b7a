package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	notYet     = regexp.MustCompile(`(?s)\n## Not there yet\n.*?\n## `)
	codeBlock  = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	nudgeCall  = regexp.MustCompile(`(?:^|bin/|\$\(|[|;&] )nudge ([a-z][^;&#)"]*)`)
	makeCall   = regexp.MustCompile(`(?:^|\s)make ([a-z]+)`)
	flagInCall = regexp.MustCompile(`--([a-z-]+)`)
)

// documentedCode is what the documentation shows as code, line by line, by file.
func documentedCode(t *testing.T) map[string][]string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	lines := map[string][]string{}
	for _, page := range append(pages, "../../README.md", "../../SECURITY.md", "../../web/README.md") {
		all, err := os.ReadFile(page)
		must(t, err)
		text := notYet.ReplaceAll(all, nil)
		for _, m := range codeBlock.FindAllStringSubmatch(string(text), -1) {
			joined := strings.ReplaceAll(m[1], "\\\n", " ")
			lines[page] = append(lines[page], strings.Split(joined, "\n")...)
		}
		for _, m := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(text), ""), -1) {
			lines[page] = append(lines[page], m[1])
		}
	}
	return lines
}

// Every command, flag and target of make that the documentation shows exists.
func TestDocumentedCommandsExist(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	must(t, err)
	commands, targets := 0, 0
	for page, lines := range documentedCode(t) {
		for _, line := range lines {
			for _, m := range makeCall.FindAllStringSubmatch(line, -1) {
				targets++
				if !strings.Contains(string(makefile), "\n"+m[1]+":") {
					t.Errorf("%s: %q: make has no target %s", page, line, m[1])
				}
			}
			for _, m := range nudgeCall.FindAllStringSubmatch(line, -1) {
				root := newRootCommand()
				root.InitDefaultHelpCmd()
				cmd, rest, err := root.Find(strings.Fields(m[1]))
				if err != nil || cmd == root || cmd.HasAvailableSubCommands() && len(rest) > 0 && !strings.ContainsAny(rest[0][:1], "-[") {
					t.Errorf("%s: %q: there is no such command", page, line)
					continue
				}
				commands++
				for _, f := range flagInCall.FindAllStringSubmatch(m[1], -1) {
					if cmd.Flags().Lookup(f[1]) == nil && root.PersistentFlags().Lookup(f[1]) == nil {
						t.Errorf("%s: %q: %s has no flag --%s", page, line, cmd.CommandPath(), f[1])
					}
				}
			}
		}
	}
	if commands < 50 || targets < 20 {
		t.Errorf("only %d commands and %d targets of make were found", commands, targets)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	anchor  = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
)

// Every link from one page of the documentation to another leads somewhere, also to its heading.
func TestDocumentedLinks(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	links := 0
	for _, page := range append(pages, "../../README.md", "../../SECURITY.md", "../../CHANGELOG.md", "../../web/README.md", "../../web/src/README.md") {
		text, err := os.ReadFile(page)
		must(t, err)
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(text), ""), -1) {
			target := m[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			links++
			file, fragment, _ := strings.Cut(target, "#")
			path := page
			if file != "" {
				path = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", page, target)
				continue
			}
			if fragment != "" && strings.HasSuffix(path, ".md") && !anchors(t, path)[fragment] {
				t.Errorf("%s links to %s, and %s has no such heading", page, target, path)
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are the names of the headings of a page, as GitHub makes them.
func anchors(t *testing.T, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(text), ""), -1) {
		names[slug(m[1])] = true
	}
	for _, m := range anchor.FindAllStringSubmatch(string(text), -1) {
		names[m[1]] = true
	}
	return names
}

// slug is the anchor of a heading: lower case, dashes for spaces, and no punctuation.
func slug(heading string) string {
	heading = link.ReplaceAllString(heading, "]") // a link shows its text
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}
