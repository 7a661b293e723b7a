package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
)

// licenceFile finds files that have to go with the code of a module.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.|-|$)`)

// licences returns the texts that the licences of libraries want to go with the program.
func (r release) licences(info *debug.BuildInfo) ([]byte, error) {
	var all bytes.Buffer
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out, err := output(r.root, r.env, "go", "mod", "download", "-json", m.Path+"@"+m.Version)
		if err != nil {
			return nil, err
		}
		var got struct{ Dir string }
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			return nil, fmt.Errorf("go mod download: %w", err)
		}
		if err := addLicences(&all, m.Path+" "+m.Version, got.Dir); err != nil {
			return nil, err
		}
	}
	goroot, err := output(r.root, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := addLicences(&all, "Go "+info.GoVersion, string(bytes.TrimSpace([]byte(goroot)))); err != nil {
		return nil, err
	}
	return all.Bytes(), nil
}

// addLicences appends the texts in dir.
func addLicences(all *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(all, "==== %s: %s\n\n%s\n\n", name, entry.Name(), bytes.TrimSpace(text))
	}
	if !found {
		return fmt.Errorf("%s has no licence in %s; look for it, and say in licences.go where it is", name, dir)
	}
	return nil
}
