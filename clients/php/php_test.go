//go:build unix

package php_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nudge/clients/clienttest"
	"nudge/internal/exectest"
	"nudge/version/redistest"
)

// php is PHP with Debian's libraries, in this folder. Without them the test is skipped, or fails if NUDGE_TEST_REQUIRE is set.
func php(t *testing.T, server *redistest.Server, args ...string) *exec.Cmd {
	t.Helper()
	out, err := exectest.Command("php", "-r", `foreach (["redis", "apcu", "pdo_sqlite"] as $name) { extension_loaded($name) || die("no $name"); }
		require "Illuminate/autoload.php"; require "Nyholm/Psr7/autoload.php"; echo "all";`).CombinedOutput()
	if err != nil || !bytes.HasSuffix(out, []byte("all")) {
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatalf("PHP does not have what the tests need: %v\n%s", err, out)
		}
		t.Skipf("PHP does not have what the tests need: %v\n%s", err, out)
	}
	cmd := exectest.CommandContext(t.Context(), "php", append([]string{"-d", "apc.enable_cli=1"}, args...)...)
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+server.Addr, "NUDGE_AUTH_SECRET="+clienttest.Secret,
		"DATABASE="+filepath.Join(t.TempDir(), "test.sqlite"), "TMPDIR="+t.TempDir())
	if err := os.WriteFile(strings.TrimPrefix(cmd.Env[len(cmd.Env)-2], "DATABASE="), nil, 0o600); err != nil { // Laravel makes none
		t.Fatal(err)
	}
	return cmd
}

// The package's own tests.
func TestPHP(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"tests/all.php", "tests/laravel.php"} {
		out, err := php(t, redistest.Start(t), file).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte(" tests, 0 failures")) || bytes.Contains(out, []byte("\n0 tests")) {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

// A master that a function finds, as with Sentinel, and a Cluster.
func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	cmd := php(t, &redistest.Server{Addr: cluster.Addrs()[0]}, "-r", `
require "tests/load.php";
$made = 0;
$client = new Nudge\Client(function () use (&$made) { $made++; return new RedisCluster(null, [substr(getenv("REDIS_URL"), 8)], 5, 5); }, timeout: 5);
$announced = $client->publishMany(array_map(fn ($n) => [$n, 7], range(1, 40)));
echo json_encode([$announced, $client->publish(1, 8), $client->publish(1, 8), $client->store->get(["1", "2", "none"]), $made]);`)
	out, err := cmd.CombinedOutput()
	if want := `[40,true,false,["8","7",null],1]`; err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant %s", err, out, want)
	}
}

// The relay's command says what is missing, and publishes what there is.
func TestRelayCommand(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	cmd := php(t, server, "bin/nudge-relay", "--once")
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("DATABASE_DSN is not set; write such as")) {
		t.Errorf("%v %s", err, out)
	}
	db := filepath.Join(t.TempDir(), "outbox.sqlite")
	add := php(t, server, "-r", `require "autoload.php"; $db = new PDO($argv[1]); $db->exec(Nudge\Outbox::schema("sqlite")); Nudge\Outbox::add($db, 42, 7);`, "sqlite:"+db)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	cmd = php(t, server, "bin/nudge-relay", "--once")
	cmd.Env = append(cmd.Env, "DATABASE_DSN=sqlite:"+db)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "1 rows\n" || server.Do("GET", "nudge:{42}") != "7" {
		t.Errorf("%v %s", err, out)
	}
}

// A script without a framework: who asks counts as PHP and its servers tell it, and what session_start says of every answer does not.
func TestPollScript(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("SET", "nudge:{42}", "7")
	script := filepath.Join(t.TempDir(), "script.php")
	load, err := filepath.Abs("autoload.php")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte(`<?php
require '`+load+`';
Nudge\PollScript::begin(new Nudge\Client(getenv('REDIS_URL'), secret: getenv('NUDGE_AUTH_SECRET'), timeout: 10), ['cookie:PHPSESSID', 'header:authorization']);
$_GET['session'] === 'no' || session_start(['cache_limiter' => $_GET['session']]);
$_GET['control'] === '' || header('Cache-Control: ' . $_GET['control']);
$_GET['says'] === '' || header('X-Nudge-Version: ' . $_GET['says']);
echo 'body';`), 0o600); err != nil {
		t.Fatal(err)
	}
	site := clienttest.Start(t, php(t, server, "-S", "127.0.0.1:0", script))
	ask := func(query string, headers ...string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/poll?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range headers {
			name, value, _ := strings.Cut(line, ": ")
			request.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.Header.Get("X-Nudge-Version") != "" {
			t.Error("the page gets X-Nudge-Version")
		}
		return answer
	}
	for query, control := range map[string]string{
		"session=no&control=&says=42%3D7":            "private, no-cache",
		"session=nocache&control=&says=42%3D7":       "private, no-cache",
		"session=&control=private&says=42%3D7":       "private",
		"session=nocache&control=&says=":             "",
		"session=no&control=no-store&says=42%3D7":    "",
		"session=nocache&control=public&says=42%3D7": "",
	} {
		answer := ask(query)
		if got := answer.Header; (got.Get("ETag") != "") != (control != "") || control != "" && got.Get("Cache-Control") != control {
			t.Errorf("%s: %v", query, got)
		}
	}
	const query = "session=no&control=&says=42%3D7"
	for _, who := range []string{"Authorization: Bearer a", "Authorization: Basic YTpi", "Cookie: PHPSESSID=a"} {
		etag := ask(query, who).Header.Get("ETag")
		for other, want := range map[string]int{who: 304, who + "Yg": 200, "X-Other: 1": 200, "Authorization: Basic YjpiCg": 200} {
			// On a busy machine Redis may not answer within 0.1 s, and then is not asked for a second.
			redistest.Until(t, fmt.Sprintf("%d for %s after %s", want, other, who), func() bool {
				return ask(query, other, "If-None-Match: "+etag).StatusCode == want
			})
		}
	}
}

// The example with a gateway: a poll, a change that the gateway announces, a 304, and a change that is rolled back.
func TestExample(t *testing.T) {
	t.Parallel()
	const file = "examples/plain.php"
	server := redistest.Start(t)
	clienttest.TryExample(t, server, file, php(t, server, "-S", "127.0.0.1:0", file))
}
