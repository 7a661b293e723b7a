package main

import (
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// charts are the files of uPlot, which draws the charts of the demo and of the status page: its script, minified, and its styles. The licence
// asks to be copied with them.
func charts(web string) ([]file, error) {
	dir, err := filepath.Abs(filepath.Join(web, "node_modules", "uplot"))
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err != nil {
		return nil, err
	}
	styles, err := os.ReadFile(filepath.Join(dir, "dist", "uPlot.min.css"))
	if err != nil {
		return nil, err
	}
	head := "/*! uPlot\n" + string(licence) + "*/\n"
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{filepath.Join(dir, "dist", "uPlot.esm.js")},
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone,
		Banner:            map[string]string{"js": head},
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
	})
	if err := failure(result.Errors); err != nil {
		return nil, err
	}
	return []file{
		{"../chart/uplot.js", result.OutputFiles[0].Contents},
		{"../chart/uplot.css", append([]byte(head), append(styles, '\n')...)},
	}, nil
}
