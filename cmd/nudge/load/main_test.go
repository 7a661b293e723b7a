package load

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The tests' binary is its own reading process.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "load-worker" {
		if err := Worker(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// A process with the race detector waits for a second at its end, unless told otherwise.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	goleak.VerifyTestMain(m)
}
