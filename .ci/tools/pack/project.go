package main

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// packageName is what applications import.
const packageName = "@nudge-gateway/nudge"

// project is one that has installed the package, and nothing else.
type project struct {
	dir, web string
	exports  map[string]target
}

//go:embed app.ts
var app string

//go:embed imports.js
var imports string

func (p project) install(tarball string) error {
	for name, content := range map[string]string{
		"package.json": `{"type": "module", "private": true}`,
		"app.ts":       app,
		"imports.js":   imports,
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	if _, err := output(p.dir, "npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", tarball); err != nil {
		return err
	}
	installed, err := filepath.Glob(filepath.Join(p.dir, "node_modules", "[^.]*", "*"))
	if err != nil {
		return err
	}
	if len(installed) != 1 {
		return fmt.Errorf("the package brought others with it: %s", installed)
	}
	return nil
}

// types compiles the application in each way that the map is read.
func (p project) types() error {
	for name := range p.exports {
		if !strings.Contains(app, "'"+name+"'") {
			return fmt.Errorf("app.ts does not import %s", name)
		}
	}
	required := "export const all = [];\n"
	for i, name := range slices.Sorted(maps.Keys(p.exports)) {
		required = fmt.Sprintf("import m%d = require('%s');\n%stype M%[1]d = typeof m%[1]d;\n", i, name, required)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "required.cts"), []byte(required), 0o600); err != nil {
		return err
	}
	tsc := filepath.Join(p.web, "node_modules", ".bin", "tsc")
	for _, way := range [][]string{
		{"--module", "esnext", "--moduleResolution", "bundler"},
		{"--module", "node16", "required.cts"},
		{"--module", "nodenext", "required.cts"},
	} {
		args := append(way, "--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022", "--lib", "es2022,dom", "app.ts")
		if _, err := output(p.dir, tsc, args...); err != nil {
			return err
		}
	}
	return nil
}

// library is what an entry leaves to the application.
var library = map[string]string{packageName + "/react": "react", packageName + "/swr": "swr", packageName + "/vue": "vue"}

// imports loads each entry in Node, the adapters with the library that they adapt to and, if they import it, without.
func (p project) imports() error {
	names := slices.Sorted(maps.Keys(p.exports))
	alone := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return library[name] != "" })
	if _, err := output(p.dir, "node", append([]string{"imports.js"}, alone...)...); err != nil {
		return err
	}
	for name, missing := range library {
		if _, err := output(p.dir, "node", "imports.js", name); err == nil || !strings.Contains(err.Error(), "'"+missing+"'") {
			return fmt.Errorf("without %s, %s says: %v", missing, name, err)
		}
		if err := os.Symlink(filepath.Join(p.web, "node_modules", missing), filepath.Join(p.dir, "node_modules", missing)); err != nil {
			return err
		}
	}
	_, err := output(p.dir, "node", append([]string{"imports.js"}, names...)...)
	return err
}
