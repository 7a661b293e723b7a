// Command bundle makes the files of the browser shim that are committed and embedded, from the TypeScript in web/src:
//
//	go -C .ci/tools run ./bundle                 writes the scripts in web/dist, and their source maps
//	go -C .ci/tools run ./bundle -types          writes the declarations in web/dist
//	go -C .ci/tools run ./bundle -check [-types] fails if web/dist is not what web/src gives
//	go -C .ci/tools run ./bundle -tests          writes web/.build, the readable modules that the tests import
//
// All but -tests need Node and npm ci in web, for terser and the TypeScript compiler: esbuild is a Go package.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	web := flag.String("web", "../../web", "the folder with src and dist")
	check := flag.Bool("check", false, "write nothing, fail if dist is not what src gives")
	types := flag.Bool("types", false, "the declarations instead of the scripts")
	tests := flag.Bool("tests", false, "write the build that the tests import instead")
	flag.Parse()
	if err := run(*web, *check, *types, *tests); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(web string, check, types, tests bool) error {
	build, dir := dist, "dist"
	switch {
	case types:
		build = declarations
	case tests:
		build, dir = modules, ".build"
	}
	files, err := build(web)
	if err != nil {
		return err
	}
	if check {
		return compare(filepath.Join(web, dir), files)
	}
	return write(filepath.Join(web, dir), files)
}

func write(dir string, files []file) error {
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compare returns an error that names each file in dir which differs.
func compare(dir string, files []file) error {
	var errs []error
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(dir, f.name))
		switch {
		case err != nil:
			errs = append(errs, err)
		case !bytes.Equal(got, f.content):
			errs = append(errs, fmt.Errorf("%s is not what web/src gives", filepath.Join(dir, f.name)))
		}
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("run: make bundle"))
	}
	return errors.Join(errs...)
}
