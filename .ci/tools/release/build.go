package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
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
	settings, err := os.ReadFile(filepath.Join(r.root, "config.yaml"))
	if err != nil {
		return err
	}
	var container image
	for _, system := range systems {
		p, err := r.compile(system)
		if err == nil {
			err = r.archive(system, p, manual)
		}
		if goarch, linux := strings.CutPrefix(system, "linux/"); err == nil && linux {
			if err = r.debian(goarch, p, manual); err == nil {
				err = r.layer(&container, goarch, p, settings)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
	}
	if len(container.manifests) > 0 {
		name := "nudge_" + r.version + "_oci.tar"
		packed, err := container.archive(r, "nudge:"+r.version)
		if err == nil {
			err = os.WriteFile(filepath.Join(r.out, name), packed, 0o644)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := r.chart(); err != nil {
		return err
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

// program is what was compiled for one system, and what goes with it.
type program struct {
	binary, bill, licences []byte
	info                   *buildinfo.BuildInfo
}

// compile builds the program for a system, with its SBOM and the licences of what is in it.
func (r release) compile(system string) (p program, err error) {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return p, fmt.Errorf("write a system and a processor, such as %s", systems[0])
	}
	path := filepath.Join(r.out, "nudge")
	defer os.Remove(path)
	env := append([]string{
		"CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off",
	}, r.env...)
	// The linker notes the commit: Go does that itself only where it finds a whole repository.
	if _, err := output(r.root, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.commit="+r.commit, "-o", path, "./cmd/nudge"); err != nil {
		return p, err
	}
	if p.info, err = buildinfo.ReadFile(path); err != nil {
		return p, err
	}
	vendored, err := r.vendored()
	if err != nil {
		return p, err
	}
	if p.bill, err = sbom(p.info, r, system, vendored); err != nil {
		return p, err
	}
	if p.licences, err = r.licences(p.info); err != nil {
		return p, err
	}
	p.binary, err = os.ReadFile(path)
	return p, err
}

// archive writes the archive of one system with all files of the manual, and its SBOM beside it.
func (r release) archive(system string, p program, manual []file) error {
	name := fmt.Sprintf("nudge_%s_%s", r.version, strings.ReplaceAll(system, "/", "_"))
	files := append([]file{{"nudge", 0o755, p.binary}, {"sbom.cdx.json", 0o644, p.bill}, {"LICENSES-OF-LIBRARIES.txt", 0o644, p.licences}}, manual...)
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
	if err := os.WriteFile(filepath.Join(r.out, name+".cdx.json"), p.bill, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, name+".tar.gz"), packed, 0o644)
}

// debian writes the Debian package of a processor. Its SBOM is that of the archive, and in the package too.
func (r release) debian(goarch string, p program, manual []file) error {
	packed, err := r.deb(goarch, p, manual)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, fmt.Sprintf("nudge_%s_%s.deb", r.version, goarch)), packed, 0o644)
}

// layer adds a processor to an image, and writes the SBOM of that: the program's, and the certificates.
func (r release) layer(i *image, goarch string, p program, settings []byte) error {
	vendored, err := r.vendored()
	if err != nil {
		return err
	}
	own, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this tool does not know what it was built from; run it by go run")
	}
	for _, m := range own.Deps {
		if m.Path == authoritiesModule {
			vendored = append(vendored, library("golang/"+m.Path, m.Version, m.Sum))
		}
	}
	if p.bill, err = sbom(p.info, r, "linux/"+goarch, vendored); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, fmt.Sprintf("nudge_%s_oci_%s.cdx.json", r.version, goarch)), p.bill, 0o644); err != nil {
		return err
	}
	return i.addPlatform(r, goarch, r.rootFiles(p, settings))
}

// chart writes the chart as helm package does.
func (r release) chart() error {
	top := filepath.Join(r.root, "deploy", "helm", "nudge")
	var files []file
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		files = append(files, file{filepath.ToSlash(name), 0o644, text})
		return err
	})
	if err != nil {
		return err
	}
	packed, err := tarball("nudge", r.date, files)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "nudge-chart-"+r.version+".tgz"), packed, 0o644)
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
