package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checksums is the file that sha256sum -c reads.
const checksums = "SHA256SUMS"

// beside are files of the repository that every archive has.
var beside = []string{"LICENSE", "README.md", "CHANGELOG.md", "config.yaml", "version/publish/publish.lua"}

// build makes the directory of the release anew.
func (r release) build(systems []string) error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	manual, err := r.manual()
	if err != nil {
		return err
	}
	for _, system := range systems {
		if err := r.archive(system, manual); err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
	}
	if _, err := output(filepath.Join(r.root, "web"), nil, "npm", "pack", "--silent", "--pack-destination", r.out); err != nil {
		return err
	}
	return r.sum()
}

// manual returns the manual pages and the completions of shells, which the commands themselves make.
func (r release) manual() ([]file, error) {
	dir, err := os.MkdirTemp("", "nudge-man-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	env := append([]string{"CGO_ENABLED=0", "GOWORK=off", "NUDGE_TEST_MAN=" + dir}, r.env...)
	if _, err := output(r.root, env, "go", "test", "-count=1", "-run=^TestManPages$", "./cmd/nudge"); err != nil {
		return nil, err
	}
	pages, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(dir, page.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file{"man/" + page.Name(), 0o644, text})
	}
	for shell, name := range map[string]string{"bash": "nudge.bash", "zsh": "_nudge", "fish": "nudge.fish"} {
		text, err := output(r.root, env, "go", "run", "./cmd/nudge", "completion", shell)
		if err != nil {
			return nil, err
		}
		files = append(files, file{"completions/" + name, 0o644, []byte(text)})
	}
	return files, nil
}

// archive makes the archive of one system with all files of the manual, and its SBOM beside it.
func (r release) archive(system string, manual []file) error {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return fmt.Errorf("write a system and a processor, such as %s", systems[0])
	}
	name := fmt.Sprintf("nudge_%s_%s_%s", r.version, goos, goarch)
	program := filepath.Join(r.out, "nudge")
	defer os.Remove(program)
	env := append([]string{
		"CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off",
	}, r.env...)
	// The linker notes the commit: Go does that itself only where it finds a whole repository.
	if _, err := output(r.root, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.commit="+r.commit, "-o", program, "./cmd/nudge"); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	vendored, err := r.vendored()
	if err != nil {
		return err
	}
	bill, err := sbom(info, r, system, vendored)
	if err != nil {
		return err
	}
	licences, err := r.licences(info)
	if err != nil {
		return err
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	files := append([]file{{"nudge", 0o755, binary}, {"sbom.cdx.json", 0o644, bill}, {"LICENSES-OF-LIBRARIES.txt", 0o644, licences}}, manual...)
	for _, path := range beside {
		text, err := os.ReadFile(filepath.Join(r.root, path))
		if err != nil {
			return err
		}
		files = append(files, file{filepath.Base(path), 0o644, text})
	}
	packed, err := tarball(name, r.date, files)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, name+".cdx.json"), bill, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, name+".tar.gz"), packed, 0o644)
}

// sum writes the checksums of all files.
func (r release) sum() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(r.out, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), entry.Name())
	}
	return os.WriteFile(filepath.Join(r.out, checksums), sums.Bytes(), 0o644)
}
