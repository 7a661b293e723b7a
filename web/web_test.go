package web

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// budgets say what a page may have to load for each entry, in bytes after gzip.
var budgets = map[string]int{
	"nudge.js":          13_530,
	"nudge.tabs.js":     3_250,
	"nudge.fetch.js":    1_000,
	"nudge.multi.js":    2_000,
	"nudge.wide.js":     2_100,
	"nudge.inspect.js":  2_700,
	"nudge.global.js":   14_340,
	"nudge.loader.js":   600,
	"nudge.htmx.js":     1_200,
	"react.js":          500,
	"tanstack-query.js": 1_300, // of it, pollQueries: 250
	"swr.js":            1_100, // of it, pollKeys: 250
	"turbo.js":          1_300, // of it, pollPage: 500
	"inertia.js":        600,
	"vue.js":            500,
	"testing.js":        1_100,
	"store.js":          300,
}

func TestSizes(t *testing.T) {
	scripts, err := filepath.Glob("dist/*.js")
	if err != nil {
		t.Fatal(err)
	}
	left := maps.Clone(budgets)
	for _, path := range scripts {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, size := filepath.Base(path), len(pack(content))
		t.Logf("%-18s %6d bytes, %5d after gzip, of %5d", name, len(content), size, budgets[name])
		if _, known := budgets[name]; !known {
			t.Errorf("%s has no budget", name)
		} else if over := size - budgets[name]; over > 0 {
			t.Errorf("%s has %d bytes after gzip, %d over budget", name, size, over)
		}
		delete(left, name)
	}
	for name := range left {
		t.Errorf("dist has no %s", name)
	}
}

func TestFiles(t *testing.T) {
	marks := map[string]string{
		"nudge.js":        "as createNudge",
		"nudge.js.map":    "createNudge",
		"nudge.global.js": "globalThis",
		"nudge.d.ts":      "export declare function createNudge(",
	}
	for _, f := range Files() {
		if mark := marks[f.Name]; !bytes.Contains(f.Content, []byte(mark)) {
			t.Errorf("%s does not contain %q", f.Name, mark)
		}
		delete(marks, f.Name)
		if f.Script() && len(f.Brotli) == 0 {
			t.Errorf("%s is not there with brotli", f.Name)
		}
		if f.Script() && f.Name != "nudge.loader.js" && !strings.HasSuffix(strings.TrimSpace(string(f.Content)), "//# sourceMappingURL="+f.Name+".map") {
			t.Errorf("%s has no source map", f.Name)
		}
	}
	for name := range marks {
		t.Errorf("there is no %s", name)
	}
}

// What one page has loaded under a hash, no other content may have.
func TestHashes(t *testing.T) {
	seen := map[string]string{}
	for _, f := range Files() {
		if was, known := seen[f.Hash]; known || len(f.Hash) != 12 {
			t.Errorf("%s has the hash %q, as %q", f.Name, f.Hash, was)
		}
		seen[f.Hash] = f.Name
		if f.Script() && len(f.Integrity()) != len("sha384-")+64 {
			t.Errorf("%s: integrity %q", f.Name, f.Integrity())
		}
	}
	f := File{Name: "nudge.tabs.js", Hash: "0123456789ab", Content: []byte("alert(1)")}
	if f.Hashed() != "nudge.tabs.0123456789ab.js" {
		t.Error(f.Hashed())
	}
	// By: printf 'alert(1)' | openssl dgst -sha384 -binary | base64
	if want := "sha384-HT2E9NfWiuQ/w1PRai+hTyqW16NIoCGA/m8VQDUopfAtcz6YQjtsMmQd5uRbVDpW"; f.Integrity() != want {
		t.Error(f.Integrity())
	}
}

// Whoever pins a file needs the truth about it.
func TestDocsNameHashes(t *testing.T) {
	docs, err := os.ReadFile("../docs/browser.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Files() {
		if !f.Script() {
			continue
		}
		for _, want := range []string{f.Hashed(), f.Integrity()} {
			if !bytes.Contains(docs, []byte(want)) {
				t.Errorf("docs/browser.md does not have %s of %s; run: make bundle", want, f.Name)
			}
		}
	}
}
