package main

import (
	"encoding/base64"
	"errors"
	"fmt"
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
// their hashes.
func dist(web string) ([]file, error) {
	var files []file
	var core []file
	for _, e := range present(web) {
		made, err := bundle(web, e, core)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		if e.source == coreSource {
			core = made
		}
		files = append(files, made...)
	}
	page, err := docs(web, files)
	if err != nil {
		return nil, err
	}
	return append(files, page), nil
}

// inner are properties of the core's own objects, to be shortened. Nobody outside sees them: neither applications and
// gateways (a name that a declaration or a message has is refused) nor browsers, whose names must not be in here.
var inner = []string{
	"again", "applies", "armed", "asked", "at", "audit", "base", "before", "behindAt", "coolEnd", "credit", "crowds", "cycleAt",
	"drained", "draw", "due", "effects", "failures", "flight", "floor", "found", "fresh", "grace", "granted", "held",
	"helloAt", "hiddenAt", "hurry", "idle", "kind", "lastAt", "ledger", "longest", "losses", "message", "mute", "mutes", "newsAt",
	"newsWindow", "overdue", "owed", "own", "patience", "policy", "pollInterval", "pressure", "provenAt", "question",
	"quiet", "reach", "renewal", "rest", "retold", "retryAfter", "safety", "served", "sign", "slow", "spread", "stands",
	"state", "step", "time", "tokens", "told", "tries", "ttl", "unserved", "wait", "watchers", "what", "why", "wished",
}

// inside are such properties by entry. What tabs say to each other is not in here: tabs of different builds may meet.
var inside = map[string][]string{
	coreSource: inner,
	"transports/shared": {
		"after", "apart", "doubt", "expiresAt", "handle", "hear", "heardAt", "hello", "members", "post", "proven", "seen", "solo", "spent", "stale", "stop",
		"stream",
	},
	"transports/multi": {"drained", "expiresAt", "handle", "hello", "helloAt", "out", "proven", "timer"},
}

// bundle makes one file, and its map, of an entry and of what it imports. An entry that has the core in it gets it as it was
// built: the names of inner are shortened there only, for other parts say some of them to browsers and to other tabs.
func bundle(web string, e entry, core []file) ([]file, error) {
	dir, err := filepath.Abs(web)
	if err != nil {
		return nil, err
	}
	options := api.BuildOptions{
		EntryPoints:       []string{filepath.Join(dir, "src", filepath.FromSlash(e.source)+".ts")},
		Outfile:           filepath.Join(dir, "dist", e.name+".js"),
		AbsWorkingDir:     dir,
		Bundle:            true,
		Format:            e.format,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		Packages:          api.PackagesExternal,
		Sourcemap:         api.SourceMapLinked,
		LegalComments:     api.LegalCommentsNone,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		TsconfigRaw:       `{}`,
	}
	if names, some := inside[e.source]; some {
		options.MangleProps = "^(" + strings.Join(names, "|") + ")$"
	}
	if e.source != coreSource {
		options.Plugins = []api.Plugin{built(core)}
	}
	result := api.Build(options)
	if err := failure(result.Errors); err != nil {
		return nil, err
	}
	var files []file
	for _, out := range result.OutputFiles {
		files = append(files, file{filepath.Base(out.Path), out.Contents})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) }) // x.js before x.js.map
	return files, nil
}

// built puts the core, with its map, in the place of its source.
func built(core []file) api.Plugin {
	return api.Plugin{Name: "built", Setup: func(build api.PluginBuild) {
		source := `[\\/]src[\\/]` + coreSource + `\.ts$`
		build.OnLoad(api.OnLoadOptions{Filter: source}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
			script, link := core[0], "//# sourceMappingURL="
			code, _, _ := strings.Cut(string(script.content), link)
			code += link + "data:application/json;base64," + base64.StdEncoding.EncodeToString(core[1].content)
			return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS}, nil
		})
	}}
}

// modules are the sources one by one with their types stripped, so that tests reach what is inside.
func modules(web string) ([]file, error) {
	src := filepath.Join(web, "src")
	sources, err := filepath.Glob(filepath.Join(src, "*.ts"))
	if err != nil {
		return nil, err
	}
	inFolders, err := filepath.Glob(filepath.Join(src, "*", "*.ts"))
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no sources in %s", src)
	}
	var files []file
	for _, source := range append(sources, inFolders...) {
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
