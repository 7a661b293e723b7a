package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// coreTypes holds declarations only, and so is its own .d.ts.
const coreTypes = "types.ts"

// coreImport is how sources say that a type is one of the core's.
var coreImport = regexp.MustCompile(`(['"])(?:\./|(?:\.\./)+)(?:types|nudge)\.js['"]`)

// declarations are the .d.ts of each entry. Those of the core are written by hand, for all to read and to be served; the
// compiler makes the others from their sources, so that they cannot say anything else.
func declarations(web string) ([]file, error) {
	core, err := os.ReadFile(filepath.Join(web, "src", coreTypes))
	if err != nil {
		return nil, err
	}
	emitted, err := os.MkdirTemp("", "nudge-types-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(emitted)
	compiler := exec.Command("npx", "--no-install", "tsc", "--project", "tsconfig.types.json", "--outDir", emitted)
	compiler.Dir = web
	if said, err := compiler.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("tsc (after npm ci --ignore-scripts in %s): %w\n%s", web, err, said)
	}
	files := []file{{"nudge.d.ts", core}}
	for _, e := range present(web) {
		if !e.types {
			continue
		}
		text, err := os.ReadFile(filepath.Join(emitted, filepath.FromSlash(e.source)+".d.ts"))
		if err != nil {
			return nil, err
		}
		text = coreImport.ReplaceAll(text, []byte("$1./nudge.js$1"))
		if inside := regexp.MustCompile(`['"]\.[^'"]*['"]`).FindAll(text, -1); len(inside) > 0 {
			for _, found := range inside {
				if strings.Trim(string(found), `'"`) != "./nudge.js" {
					return nil, fmt.Errorf("%s.ts exports a type of %s, which nobody outside can import", e.source, found)
				}
			}
		}
		files = append(files, file{e.name + ".d.ts", text})
	}
	for _, f := range files { // beside the scripts that are required
		if f.name != loader+".d.ts" {
			files = append(files, file{"cjs/" + f.name, f.content})
		}
	}
	return files, nil
}
