//go:build unix

package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"nudge/clients/clienttest"
	"nudge/internal/exectest"
	"nudge/internal/secrettest"
	"nudge/version/redistest"
)

// languages are the packages, and how their drivers are started. A folder that does not exist has no package yet.
var languages = map[string][]string{
	"go":     {"go", "run", "./go/conformance"},
	"node":   {"node", "node/conformance/driver.js"},
	"php":    {"php", "php/conformance/driver.php"},
	"python": {"python3", "python/conformance/driver.py"},
	"ruby":   {"ruby", "ruby/conformance/driver.rb"},
}

// libraries are arguments with which the program of a language fails if it lacks what the drivers use, and who has it.
var libraries = map[string]struct {
	check []string
	from  string
}{
	"node":   {[]string{"-e", "require('./node/node_modules/ioredis')"}, "npm --prefix clients/node ci --ignore-scripts"},
	"php":    {[]string{"-r", `extension_loaded("redis") && extension_loaded("pdo_sqlite") && (include "Nyholm/Psr7/autoload.php") || exit(1);`}, ".ci/install"},
	"python": {[]string{"-c", "import redis"}, ".ci/install"},
	"ruby":   {[]string{"-e", "%w[redis rack sqlite3].each { |library| require library }"}, ".ci/install"},
}

// driver is a running driver. It may be asked by several tests at once: it answers one after the other.
type driver struct {
	language string
	redis    *redistest.Server

	mu   sync.Mutex // guards the pipes
	to   io.Writer
	from *bufio.Scanner
}

type object = map[string]any

// start starts the driver of a language, with a Redis of its own. It ends with the test.
func start(t *testing.T, language string) *driver {
	t.Helper()
	command := languages[language]
	file := filepath.Join("..", command[len(command)-1])
	if _, err := os.Stat(file); err != nil {
		t.Skipf("there is no %s", file)
	}
	path := program(t, command[0])
	if needs, some := libraries[language]; some {
		check := exectest.Command(path, needs.check...)
		check.Dir = ".."
		if out, err := check.CombinedOutput(); err != nil {
			lacks(t, fmt.Sprintf("%s lacks libraries, which %s installs: %v %.300s", command[0], needs.from, err, out))
		}
	}
	d := &driver{language: language, redis: redistest.Start(t)}
	cmd := exectest.Command(path, command[1:]...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+d.redis.Addr, "NUDGE_SECRET="+clienttest.Secret, "OUTBOX_DB="+filepath.Join(t.TempDir(), "outbox.sqlite"))
	stderr := &output{}
	cmd.Stderr = stderr
	to, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.to, d.from = to, bufio.NewScanner(from)
	d.from.Buffer(nil, 1<<20)
	t.Cleanup(func() {
		_ = to.Close() // the driver ends at the end of its input; what it was started with is killed if it does not
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		secrettest.Check(t, "stderr of the driver for "+language, stderr.String())
		if t.Failed() {
			t.Logf("stderr of the driver:\n%s", stderr)
		}
	})
	return d
}

// program is where a program is. Without it the test is skipped, or fails if NUDGE_TEST_REQUIRE is set.
func program(t *testing.T, name string) string {
	t.Helper()
	// Debian's, which has Debian's libraries: another Python in the path knows none of them.
	if path, err := exec.LookPath("/usr/bin/" + name); err == nil && name != "go" && name != "node" {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		lacks(t, err.Error())
	}
	return path
}

// lacks skips a test for which something is not installed, or fails it if NUDGE_TEST_REQUIRE is set.
func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// ask returns the driver's answer.
func (d *driver) ask(t testing.TB, what string, with object) object {
	t.Helper()
	request := object{"do": what}
	for name, value := range with {
		request[name] = value
	}
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return d.askRaw(t, string(line))
}

// askRaw is ask with the line as it is.
func (d *driver) askRaw(t testing.TB, line string) object {
	t.Helper()
	line = strings.ReplaceAll(line, "\n", " ")
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := fmt.Fprintf(d.to, "%s\n", line); err != nil {
		t.Fatalf("the driver has ended: %v", err)
	}
	if !d.from.Scan() {
		t.Fatalf("the driver ended at %s: %v", line, d.from.Err())
	}
	var answer object
	if err := json.Unmarshal(d.from.Bytes(), &answer); err != nil {
		t.Fatalf("the driver answered %s with %q: %v", line, d.from.Text(), err)
	}
	return answer
}

// announced publishes, and returns whether it was announced.
func (d *driver) announced(t testing.TB, project any, version int64, more object) bool {
	t.Helper()
	with := object{"project": project, "version": version}
	for name, value := range more {
		with[name] = value
	}
	answer := d.ask(t, "publish", with)
	announced, ok := answer["announced"].(bool)
	if !ok {
		t.Fatalf("publish %v: %v", with, answer)
	}
	return announced
}

// logged is what the package has logged so far.
func (d *driver) logged(t testing.TB) []string {
	t.Helper()
	var lines []string
	all, _ := d.ask(t, "logged", nil)["lines"].([]any)
	for _, line := range all {
		lines = append(lines, fmt.Sprint(line))
	}
	return lines
}

// output is what a process said so far.
type output struct {
	mu   sync.Mutex
	said []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, b...)
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.said)
}
