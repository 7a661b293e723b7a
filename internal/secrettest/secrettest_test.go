package secrettest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	for text, want := range map[string]bool{
		"":                false,
		"status=401 eyJ.": false,
		"nudge=eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x": true,
		"%22eyJhbGciOiJIUzI1NiJ9":                 true,
		`secret: "hunter2hunter2"`:                true,
		"redis://:hunter2@host":                   true,
	} {
		if found := Find(text); (found != "") != want {
			t.Errorf("%q: found %q", text, found)
		}
	}
}

// All that the tests of all packages have printed, which .ci/test leaves in a directory.
func TestSuiteTellsNothing(t *testing.T) {
	directory := os.Getenv("NUDGE_TEST_PRINTED")
	if directory == "" {
		t.Skip("make test sets NUDGE_TEST_PRINTED")
	}
	files, err := filepath.Glob(filepath.Join(directory, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing in %s: %v", directory, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		Check(t, filepath.Base(file), string(text))
	}
}
