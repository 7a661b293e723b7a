package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Platforms name their Redis by one URL.
func TestRedisURL(t *testing.T) {
	for url, want := range map[string]Redis{
		"redis://red-abc:6379":                        {Addrs: []string{"red-abc:6379"}},
		"redis://localhost":                           {Addrs: []string{"localhost:6379"}},
		"redis://:pass@host:7000/0":                   {Addrs: []string{"host:7000"}, Password: "pass"},
		"rediss://default:p%40ss%2F%23@h.example:1/3": {Addrs: []string{"h.example:1"}, Username: "default", Password: "p@ss/#", DB: 3, TLS: true},
		"rediss://h:p%40ss@ec2-1-2.example:31000":     {Addrs: []string{"ec2-1-2.example:31000"}, Username: "h", Password: "p@ss", TLS: true},
		"redis://[2001:db8::7]:6379/":                 {Addrs: []string{"[2001:db8::7]:6379"}},
		"redis://host?db=2":                           {Addrs: []string{"host:6379"}, DB: 2},
		"unix:///run/redis/redis.sock":                {Addrs: []string{"/run/redis/redis.sock"}},
		"unix://u:p@/run/redis.sock?db=1":             {Addrs: []string{"/run/redis.sock"}, Username: "u", Password: "p", DB: 1},
	} {
		t.Run(url, func(t *testing.T) {
			inEmptyDirectory(t)
			t.Setenv("NUDGE_REDIS_URL", url)
			t.Setenv("NUDGE_REDIS_PREFIX", "mine") // other databases need one
			writeFile(t, "config.yaml", "redis: {mode: none, addrs: [], db: 0, username: \"\", password: \"\", tls: false}\n")
			loaded, err := Loader{}.Load()
			if err != nil {
				t.Fatal(err)
			}
			base := Default().Redis
			want.URL, want.Mode, want.Prefix, want.Probe, want.TLSVerify = url, "standalone", "mine", base.Probe, true
			if diff := cmp.Diff(want, loaded.Config.Redis); diff != "" {
				t.Error(diff)
			}
			if loaded.Origins["redis.addrs"] != "NUDGE_REDIS_URL" {
				t.Errorf("redis.addrs is from %q", loaded.Origins["redis.addrs"])
			}
			var printed strings.Builder
			if err := loaded.Print(&printed); err != nil || strings.Contains(printed.String(), "p@ss") ||
				strings.Contains(printed.String(), "%40") || strings.Contains(printed.String(), ":pass@") {
				t.Errorf("%v, and the password is printed:\n%s", err, printed.String())
			}
		})
	}
}

// A Cluster is found from one node.
func TestRedisURLOfACluster(t *testing.T) {
	inEmptyDirectory(t)
	writeFile(t, "config.yaml", "redis: {mode: cluster, url: \"rediss://node:6379\"}\n")
	loaded, err := Loader{}.Load()
	if err != nil || loaded.Config.Redis.Mode != "cluster" || !loaded.Config.Redis.TLS {
		t.Errorf("%v", err)
	}
}

func TestRedisURLRefuses(t *testing.T) {
	const password = "hunter2"
	for file, want := range map[string]string{
		`{url: "redis://:hunter2/x@host:6379"}`:  "config.yaml:1: redis.url: is no URL; write redis://user:password@host:6379/0",
		`{url: "redis://:hunter2%@host"}`:        "config.yaml:1: redis.url: is no URL; write redis://user:password@host:6379/0",
		`{url: "redis://:hunter2#x@host"}`:       "config.yaml:1: redis.url: ",
		`{url: "host:6379,password=hunter2"}`:    "config.yaml:1: redis.url: is no URL",
		`{url: "http://u:hunter2@host"}`:         "config.yaml:1: redis.url: does not begin with redis://",
		`{url: "redis://:hunter2@host/x"}`:       "config.yaml:1: redis.url: x is no number of a database",
		`{url: "unix://redis.sock"}`:             "config.yaml:1: redis.url: names no absolute path",
		`{url: "redis://hunter2@host"}`:          "config.yaml:1: redis.username: needs redis.password",
		`{url: "redis://a", addrs: ["b:1"]}`:     "config.yaml:1: redis.addrs: contradicts redis.url",
		`{url: "redis://:a@b", password: "c"}`:   "config.yaml:1: redis.password: contradicts redis.url",
		`{url: "redis://a/3"}`:                   "config.yaml:1: redis.db: 3 needs a redis.prefix",
		`{url: "redis://a", mode: sentinel}`:     "config.yaml:1: redis.url: names one server",
		`{url: "unix:///a", mode: cluster}`:      "config.yaml:1: redis.addrs: /a is a unix socket",
		`{url: "unix:///a", tls: true}`:          "config.yaml:1: redis.tls: contradicts the unix socket",
		`{mode: standalone, addrs: ["unix:/a"]}`: "config.yaml:1: redis.addrs: unix:/a: write the path alone",
	} {
		t.Run(strings.ReplaceAll(file, password, "PASSWORD"), func(t *testing.T) {
			inEmptyDirectory(t)
			writeFile(t, "config.yaml", "redis: "+file+"\n")
			_, err := Loader{}.Load()
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), password) {
				t.Errorf("%v\nwant %s", err, want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") && !strings.Contains(file, "sentinel") {
				t.Errorf("one mistake, and more than one message:\n%v", err)
			}
		})
	}
}

// Parameters for other programs do no harm, and a Redis that nobody uses is named.
func TestRedisURLWarnings(t *testing.T) {
	inEmptyDirectory(t)
	t.Setenv("REDIS_URL", "redis://:hunter2@host")
	loaded, err := Loader{}.Load()
	if err != nil || len(loaded.Warnings) != 1 || !strings.Contains(loaded.Warnings[0], "NUDGE_REDIS_URL") || strings.Contains(loaded.Warnings[0], "hunter2") {
		t.Errorf("%v: %v", err, loaded.Warnings)
	}
	t.Setenv("NUDGE_REDIS_URL", "rediss://host?ssl_cert_reqs=none&family=0")
	loaded, err = Loader{}.Load()
	if err != nil || len(loaded.Warnings) != 1 || !strings.Contains(loaded.Warnings[0], "family, ssl_cert_reqs") {
		t.Errorf("%v: %v", err, loaded.Warnings)
	}
}
