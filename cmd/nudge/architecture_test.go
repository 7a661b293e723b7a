package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// roomLine is a line of the table of rooms in docs/architecture.md.
var roomLine = regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| ")

// docs/architecture.md lists every package of this module, and no other.
func TestArchitectureListsEveryPackage(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range roomLine.FindAllSubmatch(page, -1) {
		listed[string(m[1])] = true
	}
	all := packages(t)
	for name := range all {
		if !listed[name] {
			t.Errorf("docs/architecture.md does not say what %s is for: add a line to its table of rooms", name)
		}
	}
	for name := range listed {
		if _, ok := all[name]; !ok {
			t.Errorf("docs/architecture.md lists %s, which is no package: remove the line, or correct it", name)
		}
	}
}

// fileName is a file that docs/architecture.md names, from the root of the repository.
var fileName = regexp.MustCompile("`([a-z0-9_-]+/[a-z0-9_/-]+\\.(go|js|ts))`")

func TestArchitectureNamesFilesThatExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	found := fileName.FindAllSubmatch(page, -1)
	if len(found) == 0 {
		t.Fatal("docs/architecture.md names no file")
	}
	for _, m := range found {
		if _, err := os.Stat(filepath.Join("../..", string(m[1]))); err != nil {
			t.Errorf("docs/architecture.md names a file that is not there: %v; correct it", err)
		}
	}
}

// fileLine is a line of the table of files in web/src/README.md.
var fileLine = regexp.MustCompile("(?m)^\\| `([a-z/-]+\\.ts)` \\| ")

// web/src/README.md lists every file of the shim, and no other.
func TestShimListsEveryFile(t *testing.T) {
	const src = "../../web/src"
	page, err := os.ReadFile(filepath.Join(src, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range fileLine.FindAllSubmatch(page, -1) {
		name := filepath.FromSlash(string(m[1]))
		listed[name] = true
		if _, err := os.Stat(filepath.Join(src, name)); err != nil {
			t.Errorf("web/src/README.md lists %s: %v; remove the line, or correct it", name, err)
		}
	}
	for _, pattern := range []string{"*.ts", "*/*.ts"} {
		files, err := filepath.Glob(filepath.Join(src, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files like %s (%v)", pattern, err)
		}
		for _, file := range files {
			if name, err := filepath.Rel(src, file); err != nil || !listed[name] {
				t.Errorf("web/src/README.md does not say what %s is for: add a line to its table", file)
			}
		}
	}
}
