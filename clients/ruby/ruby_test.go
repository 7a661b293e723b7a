//go:build unix

package ruby_test

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

// need skips a test if Ruby does not have what it uses, or fails it if NUDGE_TEST_REQUIRE is set.
func need(t *testing.T, libraries string) {
	t.Helper()
	out, err := exectest.Command("ruby", append([]string{"-e", "ARGV.each { |l| require l }"}, strings.Fields(libraries)...)...).CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatalf("Ruby does not have %s: %v\n%s", libraries, err, out)
	}
	t.Skipf("Ruby does not have %s", libraries)
}

// command is ruby with the library, in this directory; it ends with the test.
func command(t *testing.T, server *redistest.Server, args ...string) *exec.Cmd {
	cmd := exectest.CommandContext(t.Context(), "ruby", append([]string{"-I", "lib"}, args...)...)
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+server.Addr, "NUDGE_AUTH_SECRET="+clienttest.Secret,
		"DATABASE_URL=sqlite3:"+filepath.Join(t.TempDir(), "test.sqlite3"))
	return cmd
}

// The library's own tests.
func TestRuby(t *testing.T) {
	t.Parallel()
	need(t, "minitest rack redis active_record sqlite3")
	out, err := command(t, redistest.Start(t), "test/all.rb").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(" 0 failures")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// The library in Rails, which it joins by itself.
func TestRails(t *testing.T) {
	t.Parallel()
	need(t, "minitest redis rails active_record sqlite3 action_controller")
	out, err := command(t, redistest.Start(t), "test/rails_app.rb").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(" 0 failures")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Each project is on a node of its own there.
func TestCluster(t *testing.T) {
	t.Parallel()
	need(t, "redis")
	cluster := redistest.StartCluster(t)
	out, err := command(t, cluster.Nodes[0], "-e", `
		require "nudge"
		nudge = Nudge::Client.new(redis: Redis.new(cluster: ["redis://#{ARGV[0]}"]))
		ids = (1..20).to_a
		p nudge.publish(1, 1), nudge.publish_many(ids.map { |id| [id, 1] }), nudge.stored(ids).uniq, nudge.publish_many!(ids.map { |id| [id, 2] })`,
		cluster.Nodes[0].Addr).CombinedOutput()
	if want := "true\n19\n[\"1\"]\n20\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s, want\n%s", err, out, want)
	}
}

func TestGem(t *testing.T) {
	t.Parallel()
	need(t, "rubygems")
	if out, err := exectest.Command("gem", "build", "nudge-gateway.gemspec", "-o", filepath.Join(t.TempDir(), "n.gem")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The example with a gateway: a poll, a change that the gateway announces, a 304, and a change that is rolled back.
func TestExample(t *testing.T) {
	t.Parallel()
	need(t, "redis puma sinatra/base sqlite3")
	const file = "examples/sinatra.rb"
	server := redistest.Start(t)
	clienttest.TryExample(t, server, file, command(t, server, file))
}
