package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

type file struct {
	name    string
	content []byte
}

// types holds declarations only, and so is its own .d.ts.
const types = "types.ts"

// dist is what is committed: the shim as ES module and as classic script, and its types.
func dist(web string) ([]file, error) {
	src := filepath.Join(web, "src")
	module, err := bundle(src, api.FormatESModule, `export { createNudge } from "./nudge.ts"`)
	if err != nil {
		return nil, err
	}
	global, err := bundle(src, api.FormatIIFE, `import { createNudge } from "./nudge.ts"; globalThis.Nudge = { createNudge }`)
	if err != nil {
		return nil, err
	}
	declarations, err := os.ReadFile(filepath.Join(src, types))
	if err != nil {
		return nil, err
	}
	if err := published(declarations); err != nil {
		return nil, err
	}
	return []file{
		{"nudge.js", module},
		{"nudge.global.js", global},
		{"nudge.d.ts", declarations},
	}, nil
}

// inner are properties of the shim's own objects, to be shortened. Nobody outside sees them: neither applications (a name
// that types.ts has is refused) nor browsers and gateways, whose names must not be in here.
var inner = []string{
	"advance", "alarm", "answer", "any", "ask", "back", "begin", "controller", "crowded", "draw", "due", "gained", "ids", "leave", "lost",
	"made", "message", "news", "nextAt", "online", "owed", "owes", "own", "promised", "proven", "query", "rare", "renew", "retryAfter", "served",
	"settle", "soon", "spread", "stands", "start", "suspend", "told", "turn", "uncovered", "unheard", "unserved",
}

// published fails if one of inner is a property that applications see.
func published(declarations []byte) error {
	taken := regexp.MustCompile(`\b(` + strings.Join(inner, "|") + `)\??[:(<]`)
	if found := taken.FindSubmatch(declarations); found != nil {
		return fmt.Errorf("%s publishes %s, which build.go shortens; take it out of inner", types, found[1])
	}
	return nil
}

// bundle makes one file of the sources that entry, a line of JavaScript in the folder src, refers to.
func bundle(src string, format api.Format, entry string) ([]byte, error) {
	dir, err := filepath.Abs(src)
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		Stdin:             &api.StdinOptions{Contents: entry, ResolveDir: dir},
		Bundle:            true,
		Format:            format,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		MangleProps:       "^(" + strings.Join(inner, "|") + ")$",
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		TsconfigRaw:       `{}`,
	})
	if err := failure(result.Errors); err != nil {
		return nil, err
	}
	return result.OutputFiles[0].Contents, nil
}

// modules are the sources one by one with their types stripped, so that tests reach what is inside.
func modules(web string) ([]file, error) {
	sources, err := filepath.Glob(filepath.Join(web, "src", "*.ts"))
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no sources in %s", filepath.Join(web, "src"))
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
		name := strings.TrimSuffix(filepath.Base(source), ".ts") + ".js"
		files = append(files, file{name, result.Code})
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
