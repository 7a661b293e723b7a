//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nudge/internal/exectest"
	"nudge/version/redistest"
)

// program is a page without a browser: it polls, has streams over fetch, and ends once it is at a version.
const program = `import { createNudge } from 'file://%[1]s/nudge.js'
import { fetchStream } from 'file://%[1]s/nudge.fetch.js'

const nudge = createNudge({
  server: true,
  projects: { 42: 99 },
  gateway: '%[2]s',
  interval: 1000,
  fast: 1000,
  %[3]s
  async poll({ reason, projects }) {
    const answer = await fetch('%[4]s/changes?reason=' + reason + '&since=' + projects[42].have)
    return { versions: { 42: (await answer.json()).version } }
  },
})
nudge.subscribe(() => {
  const { mode, rung, stream, interval, versions } = nudge.getSnapshot()
  console.log(mode, rung, stream, interval > 10000 ? 'rarely' : 'often', 'at', versions[42])
  if (versions[42] === 101) nudge.stop()
})
`

// The published shim runs where there is no browser: it has news at once, over fetch or by held requests, and leaves nothing
// behind that keeps the program alive.
func TestRuntimes(t *testing.T) {
	t.Parallel()
	deno := []string{"deno", "run", "--no-config", "--allow-net", "--allow-read", "--quiet"}
	node, published := []string{"node"}, "../../web/dist"
	for name, with := range map[string]struct {
		command []string
		dist    string
		held    bool // there is neither EventSource nor transport
	}{
		"node":          {node, published, false},
		"deno":          {deno, published, false},
		"held requests": {node, published, true},
		// A page that has not been loaded again since the gateway was updated: the scripts of commit 80e0887.
		"an older shim": {node, "testdata/shim", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := with.command
			dist, err := filepath.Abs(with.dist)
			if err != nil {
				t.Fatal(err)
			}
			path, err := exec.LookPath(command[0])
			if err != nil && name == "deno" {
				t.Skip("deno is not installed")
			} else if err != nil {
				t.Fatal(err)
			}
			redis := redistest.Start(t)
			redis.Do("SET", "nudge:{42}", "100")
			config := strings.Replace(quick("127.0.0.1:0", redis.Addr, "{ramp: 1s}"), "slow: 60s", "slow: 1h", 1)
			token := mint(t, tokenClaims{subject: "alice", subscribe: []string{"42"}})
			options, ready := fmt.Sprintf("transport: fetchStream(), getToken: () => '%s',", token), "push stream proven rarely at 100"
			if with.held {
				config = strings.Replace(config, "auth: {secret: "+testSecret, "auth: {open: true", 1) // there are no cookies
				config = strings.Replace(config, "fast: 1s", "fast: 1m", 1)                            // nor news from polls that come by themselves
				options, ready = "", "poll versions none rarely at 100"
			}
			gateway := serveFile(t, configFile(t, config))
			app := newApplication(t, gateway.url)
			file := filepath.Join(t.TempDir(), "program.mjs")
			write(t, file, fmt.Sprintf(program, dist, gateway.url, options, app.URL))

			said := newTranscript()
			cmd := exectest.Command(path, append(command[1:], file)...)
			cmd.Dir = filepath.Dir(file)
			cmd.Stdout, cmd.Stderr = said, said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() { cmd.Process.Kill() })

			said.until(t, 0, ready)
			before := len(app.polled())
			v := app.commit()
			runNudge(t, "publish", "--config", gateway.file, fmt.Sprint("42@", v))
			said.until(t, 0, fmt.Sprint("at ", v))
			if polls := app.caused(before); len(polls) != 1 || polls[0].reason != "news" {
				t.Errorf("polls for one advance: %+v, want one for news", polls)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("%s ended with %v:\n%s", name, err, said)
				}
			case <-time.After(patience):
				t.Errorf("%s goes on after stop:\n%s", name, said)
			}
		})
	}
}
