package main

import (
	"encoding/json"
	"os"
	"testing"
)

// The gateway and the package for pages come from one source, and say the same of it.
func TestOneRelease(t *testing.T) {
	text, err := os.ReadFile("../../web/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Version string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Version != release {
		t.Errorf("web/package.json is of %s, the gateway of %s", manifest.Version, release)
	}
}
