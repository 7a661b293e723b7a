package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// unpack reads a tarball's files, by their names in the package.
func unpack(path string) (map[string][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for r := tar.NewReader(plain); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if files[strings.TrimPrefix(header.Name, "package/")], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}

// target is what the map gives for one entry.
type target struct {
	Types, Default string
	Require        struct{ Types, Default string } // for programs that cannot import
}

// whole returns the package's entries, by what applications import, if each has all its files and there are no others.
func whole(files map[string][]byte) (map[string]target, error) {
	var manifest struct {
		Name    string
		Private bool
		Exports map[string]json.RawMessage
	}
	if err := json.Unmarshal(files["package.json"], &manifest); err != nil {
		return nil, fmt.Errorf("package.json: %w", err)
	}
	var errs []error
	if manifest.Private {
		errs = append(errs, errors.New("package.json: private, so npm would not publish it"))
	}
	exports := map[string]target{}
	extra := maps.Clone(files)
	take := func(name string) {
		if len(files[name]) == 0 {
			errs = append(errs, fmt.Errorf("the package has no %s", name))
		}
		delete(extra, name)
	}
	take("package.json")
	take("README.md")
	take("LICENSE")
	take("dist/cjs/package.json")
	for path, raw := range manifest.Exports {
		if path == "./package.json" {
			continue
		}
		var to target
		if err := json.Unmarshal(raw, &to); err != nil {
			return nil, fmt.Errorf("exports of %s: %w", path, err)
		}
		// A compiler takes the first condition that it knows, and it knows both.
		if !strings.HasPrefix(string(raw), `{`) || strings.Index(string(raw), `"types"`) > strings.Index(string(raw), `"default"`) {
			errs = append(errs, fmt.Errorf("exports of %s: types do not come first", path))
		}
		exports[manifest.Name+strings.TrimPrefix(path, ".")] = to
		script := strings.TrimPrefix(to.Default, "./")
		take(script)
		take(strings.TrimPrefix(to.Types, "./"))
		take(strings.TrimPrefix(to.Require.Types, "./"))
		take(strings.TrimPrefix(to.Require.Default, "./"))
		take(script + ".map")
		if err := mapped(files, script); err != nil {
			errs = append(errs, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		errs = append(errs, fmt.Errorf("the package has %s, which nothing in its exports leads to", name))
	}
	return exports, errors.Join(errs...)
}

// mapped fails unless a script names its source map, and that has its sources in it.
func mapped(files map[string][]byte, script string) error {
	_, name, _ := strings.Cut(string(files[script]), "//# sourceMappingURL=")
	if want := script[strings.LastIndex(script, "/")+1:] + ".map"; strings.TrimSpace(name) != want {
		return fmt.Errorf("%s names %q as its source map, not %s", script, strings.TrimSpace(name), want)
	}
	var sourceMap struct {
		Sources, SourcesContent []string
	}
	if err := json.Unmarshal(files[script+".map"], &sourceMap); err != nil {
		return fmt.Errorf("%s.map: %w", script, err)
	}
	if len(sourceMap.Sources) == 0 || len(sourceMap.Sources) != len(sourceMap.SourcesContent) || slices.Contains(sourceMap.SourcesContent, "") {
		return fmt.Errorf("%s.map has %d sources, and not the content of each", script, len(sourceMap.Sources))
	}
	return nil
}
