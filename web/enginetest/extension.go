//go:build unix

package enginetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Extensions has, by the browser's name, the origin of the pages of the extension of Options.
var Extensions = map[string]string{
	"chromium": "chrome-extension://aflidhefcfhjpbfgkdbmjdmekjdddbom",  // by the key of the manifest
	"firefox":  "moz-extension://7c6a2c1e-5f0b-4d7e-9b1a-3d2f8e4a6b90", // by the profile
}

const (
	manifest = `{ "manifest_version": 3, "name": "test", "version": "1", "key": "bnVkZ2UtdGVzdC1leHRlbnNpb24=",
  "browser_specific_settings": { "gecko": { "id": "test@example.test" } },
  "content_security_policy": { "extension_pages": "script-src 'self'" } }`
	uuids = `{"test@example.test":"7c6a2c1e-5f0b-4d7e-9b1a-3d2f8e4a6b90"}`
)

// unpacked is a directory with the extension.
func unpacked(t testing.TB, o Options) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("manifest.json", manifest)
	for name, text := range o.Extension {
		write(name, text)
	}
	return dir
}
