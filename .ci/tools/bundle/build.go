package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

type file struct {
	name    string
	content []byte
}

// dist is what is committed, but for the declarations: each entry, minified, its source map, and the page of docs that names
// their hashes. What a gateway serves is there with brotli too. The last files are those that draw charts.
func dist(web string) ([]file, error) {
	var scripts []script
	for _, e := range present(web) {
		made, err := bundle(web, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		scripts = append(scripts, made)
	}
	scripts, err := minify(web, scripts)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, s := range scripts {
		files = append(files, file{s.Name, []byte(s.Code)})
		if s.Map != "" {
			files = append(files, file{s.Name + ".map", []byte(s.Map)})
		}
		if served(s.Name) {
			files = append(files, file{s.Name + ".br", compress([]byte(s.Code))})
		}
	}
	page, err := docs(web, files)
	if err != nil {
		return nil, err
	}
	drawing, err := charts(web)
	if err != nil {
		return nil, err
	}
	required, err := commonJS(scripts)
	if err != nil {
		return nil, err
	}
	return slices.Concat(files, required, []file{page}, drawing), nil
}

// commonJS are the scripts for programs that can only require, such as Jest as it comes. They are in a folder of their own, which
// no gateway serves.
func commonJS(scripts []script) ([]file, error) {
	files := []file{{"cjs/package.json", []byte(`{"type": "commonjs"}` + "\n")}}
	for _, s := range scripts {
		if s.Name == loader+".js" {
			continue
		}
		result := api.Transform(s.Code, api.TransformOptions{
			Format:           api.FormatCommonJS,
			Target:           api.ES2022,
			Charset:          api.CharsetUTF8,
			LegalComments:    api.LegalCommentsNone,
			MinifyWhitespace: true,
		})
		if err := failure(result.Errors); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		files = append(files, file{"cjs/" + s.Name, result.Code})
	}
	return files, nil
}

// served tells whether a gateway serves the script. It does not serve the adapters, which import other packages by name.
func served(name string) bool { return strings.HasPrefix(name, "nudge") }

// bundle makes one script of an entry and of what it imports.
func bundle(web string, e entry) (script, error) {
	dir, err := filepath.Abs(web)
	if err != nil {
		return script{}, err
	}
	name := e.name + ".js"
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{filepath.Join(dir, "src", filepath.FromSlash(e.source)+".ts")},
		Outfile:           filepath.Join(dir, "dist", name),
		AbsWorkingDir:     dir,
		Bundle:            true,
		Format:            e.format,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		Packages:          api.PackagesExternal,
		Sourcemap:         api.SourceMapExternal,
		LegalComments:     api.LegalCommentsNone,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		TsconfigRaw:       `{}`,
		Plugins:           []api.Plugin{core},
	})
	if err := failure(result.Errors); err != nil {
		return script{}, err
	}
	made := script{Name: name}
	for _, out := range result.OutputFiles {
		switch {
		case filepath.Ext(out.Path) != ".map":
			made.Code = string(out.Contents)
		case e.name != loader:
			made.Map = string(out.Contents)
		}
	}
	return made, nil
}

// core leaves the core to the file beside an adapter: a page has one copy of it.
var core = api.Plugin{Name: "core", Setup: func(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: `^\.\./nudge\.js$`}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
		return api.OnResolveResult{Path: "./nudge.js", External: true}, nil
	})
}}

// modules are the sources one by one with their types stripped, so that tests reach what is inside.
func modules(web string) ([]file, error) {
	src := filepath.Join(web, "src")
	var sources []string
	err := filepath.WalkDir(src, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".ts" {
			sources = append(sources, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var files []file
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		result := api.Transform(string(text), api.TransformOptions{
			Loader:     api.LoaderTS,
			Target:     api.ES2022,
			Sourcefile: source,
			Sourcemap:  api.SourceMapInline,
		})
		if err := failure(result.Errors); err != nil {
			return nil, err
		}
		name, err := filepath.Rel(src, source)
		if err != nil {
			return nil, err
		}
		files = append(files, file{strings.TrimSuffix(name, ".ts") + ".js", result.Code})
	}
	return files, nil
}

func failure(messages []api.Message) error {
	if len(messages) == 0 {
		return nil
	}
	text := api.FormatMessages(messages, api.FormatMessagesOptions{Kind: api.ErrorMessage})
	return errors.New(strings.TrimSpace(strings.Join(text, "")))
}
