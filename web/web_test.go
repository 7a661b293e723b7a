package web

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// budget is what a page may have to load for Nudge, in bytes after gzip.
const budget = 5_400

func TestShim(t *testing.T) {
	marks := map[string]string{
		"nudge.js":        "as createNudge",
		"nudge.global.js": "globalThis.Nudge={createNudge:",
		"nudge.d.ts":      "export declare function createNudge(",
	}
	for _, name := range Names() {
		content, ok := Shim(name)
		if !ok {
			t.Errorf("Shim(%q): no such file", name)
			continue
		}
		if mark := marks[name]; mark == "" || !bytes.Contains(content, []byte(mark)) {
			t.Errorf("%s does not contain %q", name, mark)
		}
	}
	for _, name := range []string{"", ".", "nudge.ts", "../src/nudge.ts", "/nudge.js"} {
		if _, ok := Shim(name); ok {
			t.Errorf("Shim(%q) is a file", name)
		}
	}
}

func TestShimGivesCopies(t *testing.T) {
	first, _ := Shim("nudge.js")
	clear(first)
	if second, _ := Shim("nudge.js"); bytes.Equal(first, second) {
		t.Error("a caller can change what the next one gets")
	}
}

func TestShimFitsBudget(t *testing.T) {
	for _, name := range []string{"nudge.js", "nudge.global.js"} {
		content, _ := Shim(name)
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d after gzip", name, len(content), packed.Len())
		if packed.Len() > budget {
			t.Errorf("%s has %d bytes after gzip, %d over budget", name, packed.Len(), packed.Len()-budget)
		}
	}
}
