// Command release builds what a release of Nudge consists of, in bin/release: for each system an archive with the program and an
// SBOM of it, Debian packages, a container image, the package for pages, and the checksums of all. Then it tries them. The same commit gives the same bytes with the same Go, wherever it
// is built.
//
//	go -C .ci/tools run ./release          # make release
//	go -C .ci/tools run ./release -twice   # builds it again from a clone, with an empty cache, and compares
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// systems are those that archives are made for. The module compiles for Windows, but is not tested there.
var systems = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

func main() {
	twice := flag.Bool("twice", false, "build everything again from a clone with an empty cache, and compare")
	only := flag.String("only", strings.Join(systems, ","), "systems to build for")
	flag.Parse()
	if err := run(strings.Split(*only, ","), *twice); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(systems []string, twice bool) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	r, err := describe(root)
	if err != nil {
		return err
	}
	if strings.Contains(r.commit, "+") {
		fmt.Fprintln(os.Stderr, "release: the tree has changes that are not committed; nobody else can build these bytes")
	}
	if err := r.build(systems); err != nil {
		return err
	}
	if err := r.checkAll(); err != nil {
		return err
	}
	if twice {
		if err := r.again(systems); err != nil {
			return err
		}
		fmt.Println("a second build, from a clone with an empty cache, gave the same bytes")
	}
	sums, err := os.ReadFile(filepath.Join(r.out, checksums))
	fmt.Printf("%s (commit %s):\n%s", r.out, r.commit, sums)
	return err
}

// release is what is built, and where.
type release struct {
	root, out string
	version   string    // of Nudge, which is also that of the package for pages
	commit    string    // with + at its end if the tree has other changes
	date      time.Time // of the commit; of all files in the archives
	env       []string  // further variables of the Go command
}

// describe reads what the tree in root is.
func describe(root string) (release, error) {
	r := release{root: root, out: filepath.Join(root, "bin", "release")}
	var manifest struct{ Version string }
	text, err := os.ReadFile(filepath.Join(root, "web", "package.json"))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return r, fmt.Errorf("web/package.json: %w", err)
	}
	r.version = manifest.Version
	commit, err := output(root, nil, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return r, fmt.Errorf("%w; a release is built from a commit, so clone the repository", err)
	}
	hash, seconds, _ := strings.Cut(strings.TrimSpace(commit), " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return r, fmt.Errorf("date of the commit: %w", err)
	}
	r.commit, r.date = hash[:12], time.Unix(unix, 0).UTC()
	changes, err := output(root, nil, "git", "status", "--porcelain")
	if changes != "" {
		r.commit += "+"
	}
	return r, err
}

// again builds in another place, with another cache, and fails if any byte differs.
func (r release) again(systems []string) error {
	if strings.HasSuffix(r.commit, "+") {
		return errors.New("-twice needs a tree without changes: commit them first")
	}
	dir, err := os.MkdirTemp("", "nudge-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	clone := filepath.Join(dir, "elsewhere")
	if _, err := output(r.root, nil, "git", "clone", "--quiet", r.root, clone); err != nil {
		return err
	}
	if _, err := output(clone, nil, "git", "checkout", "--quiet", r.commit); err != nil {
		return err
	}
	second, err := describe(clone)
	if err != nil {
		return err
	}
	second.env = []string{"GOCACHE=" + filepath.Join(dir, "cache")}
	if err := second.build(systems); err != nil {
		return err
	}
	return same(r.out, second.out)
}

// same fails if two directories differ.
func same(a, b string) error {
	entries, err := os.ReadDir(a)
	if err != nil {
		return err
	}
	others, err := os.ReadDir(b)
	if err != nil {
		return err
	}
	if len(entries) != len(others) {
		return fmt.Errorf("the second build has %d files, the first %d", len(others), len(entries))
	}
	for _, entry := range entries {
		first, err := os.ReadFile(filepath.Join(a, entry.Name()))
		if err != nil {
			return err
		}
		second, err := os.ReadFile(filepath.Join(b, entry.Name()))
		if err != nil {
			return err
		}
		if !bytes.Equal(first, second) {
			return fmt.Errorf("the second build of %s has other bytes", entry.Name())
		}
	}
	return nil
}

// output runs a program in dir. An error has what it printed.
func output(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out), nil
}
