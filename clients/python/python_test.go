//go:build unix

package python_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nudge/clients/clienttest"
	"nudge/internal/exectest"
	"nudge/version/redistest"
)

// python is a Python that has these modules. Without one the test is skipped, or fails if NUDGE_TEST_REQUIRE is set.
func python(t *testing.T, modules string) string {
	t.Helper()
	var told strings.Builder
	for _, program := range []string{"python3", "/usr/bin/python3"} { // the second is Debian's, which has Debian's packages
		out, err := exectest.Command(program, "-c", "import "+modules).CombinedOutput()
		if err == nil {
			return program
		}
		told.Write(out)
	}
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatalf("no Python has %s:\n%s", modules, told.String())
	}
	t.Skipf("no Python has %s", modules)
	return ""
}

// command is Python with the package; it ends with the test.
func command(t *testing.T, program string, args ...string) *exec.Cmd {
	cmd := exectest.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "PYTHONPATH=.", "PYTHONDONTWRITEBYTECODE=1", "NUDGE_AUTH_SECRET="+clienttest.Secret)
	return cmd
}

// The package's own tests.
func TestPython(t *testing.T) {
	t.Parallel()
	cmd := command(t, python(t, "redis, django"), "-W", "error::ResourceWarning", "-m", "unittest", "discover", "-t", ".", "-s", "tests")
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("Ran 0 tests")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("mypy"); err != nil {
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatal("mypy is not installed")
		}
		t.Skip("mypy is not installed")
	}
	if out, err := exectest.Command("mypy", "--cache-dir", t.TempDir()).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A Cluster, and a master that Sentinels name: the package makes connections of its own as those of the application's client.
func TestTopologies(t *testing.T) {
	t.Parallel()
	program := python(t, "redis")
	cluster, group := redistest.StartCluster(t), redistest.StartGroup(t)
	for source, text := range map[string]string{
		"cluster":  "RedisCluster.from_url('redis://" + cluster.Addrs()[0] + "')",
		"sentinel": "sentinel.Sentinel([tuple(a.split(':')) for a in '" + strings.Join(group.Addrs(), " ") + "'.split()]).master_for('" + group.Name + "')",
	} {
		out, err := command(t, program, "-c", `
import asyncio, redis, redis.sentinel, nudge.store
nudge.store.POLL_TIMEOUT = 10  # the machine may be busy
client = nudge.Client(redis.`+text+`, timeout=10)
assert client.publish_many([(n, 7) for n in range(40)]) == 40
for _ in range(2):
    assert client.store.get(["1", "2", "none"]) == [b"7", b"7", None]
    assert asyncio.run(client.store.get_async(["1", "2", "none"])) == [b"7", b"7", None]
assert client.publish(1, 8) and not client.publish(1, 8)
`).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", source, err, out)
		}
	}
}

// Each example with a gateway: a poll, a change that the gateway announces, a 304, and a change that is rolled back.
func TestExamples(t *testing.T) {
	t.Parallel()
	for example, modules := range map[string]string{"flask": "redis, flask", "starlette": "redis, starlette, uvicorn"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			program := python(t, modules)
			server := redistest.Start(t)
			file := "examples/" + example + "_app.py"
			cmd := command(t, program, file)
			cmd.Env = append(cmd.Env, "REDIS_URL=redis://"+server.Addr, "PORT=0", "DATABASE="+filepath.Join(t.TempDir(), "example.db"))
			clienttest.TryExample(t, server, file, cmd)
		})
	}
}
