//go:build unix

package exectest_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nudge/internal/exectest"
)

const (
	patience = time.Minute
	// family is a program, its child in the background, and a child that is stopped. All keep the standard output open.
	family = "sleep 1000 & sleep 1000 & kill -STOP $!; echo there; wait"
)

// Nothing is left of a run of tests that is killed, nor of a group.
func TestEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"run", "group"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			run := exectest.Command(os.Args[0], "-test.run=^TestHelper$")
			end := func() { run.Process.Kill() }
			if how == "group" {
				group := exectest.NewGroup()
				run = group.Command("sh", "-c", family)
				end = group.Kill
			}
			run.Env = append(os.Environ(), "NUDGE_TEST_FAMILY=1")
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			run.Stdout = in
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			in.Close()
			out.SetReadDeadline(time.Now().Add(patience))
			if line := make([]byte, len("there\n")); true {
				if _, err := io.ReadFull(out, line); err != nil || string(line) != "there\n" {
					t.Fatalf("%q %v", line, err)
				}
			}
			end()
			if _, err := io.Copy(io.Discard, out); err != nil { // it ends when nobody has the other end
				t.Errorf("something is left: %v", err)
			}
			run.Wait()
		})
	}
}

// TestHelper is the run of tests that is killed.
func TestHelper(t *testing.T) {
	if os.Getenv("NUDGE_TEST_FAMILY") == "" {
		t.Skip("for TestEnds")
	}
	cmd := exectest.Command("sh", "-c", family)
	cmd.Stdout = os.Stdout
	t.Fatal(cmd.Run())
}

// Every test starts programs in this way.
func TestAllUseIt(t *testing.T) {
	t.Parallel()
	direct := regexp.MustCompile(`\bexec\.Command(Context)?\(|\bPdeathsig\b`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == ".ci" || path == "../../internal/exectest") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") && !(strings.HasSuffix(path, ".go") && strings.HasSuffix(filepath.Dir(path), "test")) {
			return nil
		}
		text, err := os.ReadFile(path)
		for i, line := range bytes.Split(text, []byte("\n")) {
			if direct.Match(line) {
				t.Errorf("%s:%d: write exectest.Command: else the program stays when the test is killed", path, i+1)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
