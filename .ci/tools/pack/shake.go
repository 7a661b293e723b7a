package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// slack is the share of the core that an application's own lines, and a bundler that undoes what terser has shortened, may add.
const slack = 0.05

// shake bundles applications: what they do not use costs them nothing.
func (p project) shake() error {
	const start = "createNudge({ projects: {}, poll() {} });"
	script, err := os.Stat(filepath.Join(p.dir, "node_modules", packageName, p.exports[packageName].Default))
	if err != nil {
		return err
	}
	all := "import { createNudge } from '" + packageName + "';"
	for name := range p.exports {
		if name != packageName+"/global" {
			all += fmt.Sprintf("import * as unused%d from '%s';", len(all), name)
		}
	}
	for _, app := range []string{"import { createNudge } from '" + packageName + "';" + start, all + start} {
		code, parts, err := p.bundle(app)
		if err != nil {
			return err
		}
		share := float64(len(code))/float64(script.Size()) - 1
		if !slices.Equal(parts, []string{"nudge.js"}) || math.Abs(share) > slack {
			return fmt.Errorf("an application that uses createNudge only gets %d bytes, the core has %d; it is made of %s", len(code), script.Size(), parts)
		}
	}

	// Who imports for the effect has it.
	code, _, err := p.bundle("import '" + packageName + "/global';")
	if err != nil {
		return err
	}
	if !strings.Contains(code, "globalThis") {
		return fmt.Errorf("importing the entry global does nothing: %q", code)
	}
	return nil
}

// bundle makes one file of an application, and tells which files of packages have a part in it, and which packages it still
// imports.
func (p project) bundle(app string) (code string, parts []string, err error) {
	result := api.Build(api.BuildOptions{
		Stdin:             &api.StdinOptions{Contents: app, ResolveDir: p.dir, Loader: api.LoaderJS},
		AbsWorkingDir:     p.dir,
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		External:          []string{"react", "swr"},
		Metafile:          true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
	})
	if len(result.Errors) > 0 {
		text := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return "", nil, errors.New(strings.TrimSpace(strings.Join(text, "")))
	}
	var meta struct {
		Outputs map[string]struct {
			Imports []struct{ Path string }
			Inputs  map[string]struct{ BytesInOutput int }
		}
	}
	if err := json.Unmarshal([]byte(result.Metafile), &meta); err != nil {
		return "", nil, err
	}
	for _, out := range meta.Outputs {
		for input, share := range out.Inputs {
			if strings.Contains(input, "node_modules") && share.BytesInOutput > 0 {
				parts = append(parts, path.Base(input))
			}
		}
		for _, kept := range out.Imports {
			parts = append(parts, kept.Path)
		}
	}
	slices.Sort(parts)
	return string(result.OutputFiles[0].Contents), parts, nil
}
