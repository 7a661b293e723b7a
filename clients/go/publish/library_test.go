//go:build unix

package publish_test

import (
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/publish"
	"nudge/internal/exectest"
)

// A program that publishes keeps its go-redis as it is: what that writes to stderr is the program's own affair.
func TestLibraryIsNotSilenced(t *testing.T) {
	t.Parallel()
	const child = "NUDGE_TEST_LIBRARY"
	if os.Getenv(child) != "" {
		c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
		defer c.Close()
		_ = publish.To(c, publish.Options{}).Advance(t.Context(), "42", 1) // it cannot, and the library says so
		return
	}
	cmd := exectest.Command(os.Args[0], "-test.run=^TestLibraryIsNotSilenced$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "redis: connection pool") {
		t.Errorf("%v; the library wrote nothing:\n%s", err, out)
	}
}
