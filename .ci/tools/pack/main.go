// Command pack tries the npm package as the documentation says: make package, then installing the tarball into a project of its
// own, offline. There it type-checks, imports and bundles what the package exports.
//
//	npm --prefix web ci --ignore-scripts && go -C .ci/tools run ./pack
//
// It needs Node with npm, and leaves web as it was.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run("../../web"); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(web string) error {
	web, err := filepath.Abs(web)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nudge-pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// Where symbolic links lead to it, compilers and bundlers name it otherwise.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}

	root := filepath.Dir(web)
	said, err := output(root, "make", "--no-print-directory", "package")
	if err != nil {
		return err
	}
	tarball := filepath.Join(root, "bin", strings.TrimSpace(said))
	files, err := unpack(tarball)
	if err != nil {
		return err
	}
	exports, err := whole(files)
	if err != nil {
		return err
	}
	if err := documented(root, filepath.Base(tarball), exports); err != nil {
		return err
	}
	p := project{dir: dir, web: web, exports: exports}
	if err := p.install(tarball); err != nil {
		return err
	}
	for _, check := range []func() error{p.types, p.imports, p.shake} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a program may take.
const patience = 2 * time.Minute

// output runs a program in dir. An error has what it printed.
func output(dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, fmt.Errorf("it has not ended after %s", patience))
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), errors.Join(err, context.Cause(ctx)), out)
	}
	return string(out), nil
}
