package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
)

var (
	installLine = regexp.MustCompile(`npm install (\S+\.tgz)`)
	specifier   = regexp.MustCompile(`(?:from|import\(?) ?'((?:@[a-z-]+/)?nudge(?:/[a-z-]+)?)'`)
)

// documented fails unless everything that the documentation installs and imports is there under that name.
func documented(root, tarball string, exports map[string]target) error {
	var errs []error
	for _, page := range []string{"README.md", "docs/start.md", "docs/browser.md", "docs/polling.md", "web/README.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			return err
		}
		installs := installLine.FindAllSubmatch(text, -1)
		for _, m := range installs {
			if got := path.Base(string(m[1])); got != tarball {
				errs = append(errs, fmt.Errorf("%s installs %s, and make package makes %s", page, got, tarball))
			}
		}
		if len(installs) == 0 && page != "docs/polling.md" {
			errs = append(errs, fmt.Errorf("%s does not say how to install %s", page, tarball))
		}
		for _, m := range specifier.FindAllSubmatch(text, -1) {
			if _, ok := exports[string(m[1])]; !ok {
				errs = append(errs, fmt.Errorf("%s imports %s, which the package does not have", page, m[1]))
			}
		}
	}
	return errors.Join(errs...)
}
