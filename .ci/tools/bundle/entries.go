package main

import (
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// loader is the entry that stands in the HTML of pages, where a source map would not be found.
const loader = "nudge.loader"

// entry is one thing that applications import or load.
type entry struct {
	name   string // of its files in dist, without .js and .d.ts
	source string // in web/src, without .ts
	format api.Format
	types  bool // what it exports is declared in a .d.ts of its own
}

// entries in the order of their use. The adapters leave the libraries that they adapt to outside.
var entries = []entry{
	{"nudge", "nudge", api.FormatESModule, false}, // its types are types.ts
	{"nudge.tabs", "transports/shared", api.FormatESModule, true},
	{"nudge.fetch", "transports/fetch", api.FormatESModule, true},
	{"nudge.multi", "transports/multi", api.FormatESModule, true},
	{"nudge.wide", "transports/wide-old-name", api.FormatESModule, true}, // the old name of nudge.multi, for one version
	{"nudge.inspect", "observers/inspect", api.FormatESModule, true},
	{"nudge.htmx", "adapters/htmx", api.FormatESModule, true}, // served, for pages without a bundler
	{"nudge.global", "global", api.FormatIIFE, true},
	{loader, "loader", api.FormatIIFE, true},
	{"react", "adapters/react", api.FormatESModule, true},
	{"tanstack-query", "adapters/tanstack-query", api.FormatESModule, true},
	{"swr", "adapters/swr", api.FormatESModule, true},
	{"turbo", "adapters/turbo", api.FormatESModule, true},
	{"inertia", "adapters/inertia", api.FormatESModule, true},
	{"vue", "adapters/vue", api.FormatESModule, true},
	{"store", "adapters/store", api.FormatESModule, true},
	{"testing", "testing/fake", api.FormatESModule, true}, // for tests of applications
}

// present are the entries that have a source.
func present(web string) []entry {
	var found []entry
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(web, "src", filepath.FromSlash(e.source)+".ts")); err == nil {
			found = append(found, e)
		}
	}
	return found
}
