//go:build unix

package node_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"nudge/clients/clienttest"
	"nudge/internal/exectest"
	"nudge/version/redistest"
)

// node is a command of Node with the package; without its modules the test is skipped, or fails if NUDGE_TEST_REQUIRE is set.
func node(t *testing.T, server *redistest.Server, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatal("the modules are not installed: npm --prefix clients/node ci --ignore-scripts")
		}
		t.Skip("the modules are not installed: npm --prefix clients/node ci --ignore-scripts")
	}
	cmd := exectest.CommandContext(t.Context(), "node", args...)
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+server.Addr, "NUDGE_AUTH_SECRET="+clienttest.Secret, "PORT=0")
	return cmd
}

// The package's own tests.
func TestNode(t *testing.T) {
	t.Parallel()
	out, err := node(t, redistest.Start(t), "--test", "test/client.test.js").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("# tests 0")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Each example with a gateway: a poll, a change that the gateway announces, a 304, and a change that is rolled back.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, example := range []string{"express", "fastify"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			file := "examples/" + example + ".js"
			server := redistest.Start(t)
			clienttest.TryExample(t, server, file, node(t, server, file))
		})
	}
}
