package config

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestValidateRefuses(t *testing.T) {
	const noKeys = "auth.secret: is not set, and without keys everybody could subscribe; set NUDGE_AUTH_SECRET to the application's secret " +
		"(make one with openssl rand -hex 32), or auth.jwks to the public keys of an identity provider, or write auth.open: true if only a private network can reach this gateway"
	const noProject = " is no project; write 1 to 128 of A-Z a-z 0-9 . _ ~ : - and at most one * at the end"
	for _, test := range []struct {
		want   string
		change func(c *Config)
	}{
		{`listen: "" is no address; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd`, func(c *Config) { c.Listen = "" }},
		{`listen: 8080 is no address; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd`, func(c *Config) { c.Listen = "8080" }},
		{`listen: localhost:http has no port from 0 to 65535; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd`, func(c *Config) { c.Listen = "localhost:http" }},
		{`listen: :65536 has no port from 0 to 65535; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd`, func(c *Config) { c.Listen = ":65536" }},
		{`listen: "a b:80" has no valid host; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd`, func(c *Config) { c.Listen = "a b:80" }},
		{`listen: ::1:80 is no address; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd`, func(c *Config) { c.Listen = "::1:80" }},
		{`listen: unix:/run/x has unix: before its path; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd`, func(c *Config) { c.Listen = "unix:/run/x" }},
		{`ops_listen: /run/x is taken by listen (/run/x); write another address, or "" for none`, func(c *Config) { c.Listen, c.OpsListen = "/run/x", "/run/x" }},
		{`socket_mode: rw is no mode of a file; write three octal digits in quotes, such as "0660"`, func(c *Config) { c.SocketMode = "rw" }},
		{`proxy_protocol: needs limits.trusted_proxies, since only they may say who the client is; list the proxies there`, func(c *Config) { c.ProxyProtocol = true }},
		{`ops_listen: x is no address; write host:port, such as 127.0.0.1:9090, the path of a unix socket, systemd:NAME, or "" for none`, func(c *Config) { c.OpsListen = "x" }},
		{`ops_listen: localhost:8080 is taken by listen (localhost:8080); write another address, or "" for none`, func(c *Config) { c.OpsListen = c.Listen }},
		{`ops_listen: 127.0.0.1:80 is taken by listen (:80); write another address, or "" for none`, func(c *Config) { c.Listen, c.OpsListen = ":80", "127.0.0.1:80" }},
		{`ops_listen: [::]:8080 is taken by listen (localhost:8080); write another address, or "" for none`, func(c *Config) { c.OpsListen = "[::]:8080" }},
		{`base_path: push is no path; write "" or a path that begins with / and does not end with it, such as /push`, func(c *Config) { c.BasePath = "push" }},
		{`base_path: / is no path; write "" or a path that begins with / and does not end with it, such as /push`, func(c *Config) { c.BasePath = "/" }},
		{`base_path: /push/ is no path; write "" or a path that begins with / and does not end with it, such as /push`, func(c *Config) { c.BasePath = "/push/" }},
		{`base_path: /a/../b is no path; write "" or a path that begins with / and does not end with it, such as /push`, func(c *Config) { c.BasePath = "/a/../b" }},
		{`base_path: /{a} is no path; write "" or a path that begins with / and does not end with it, such as /push`, func(c *Config) { c.BasePath = "/{a}" }},
		{`node: "gw 1" is no name; write up to 128 of A-Z a-z 0-9 . _ ~ : - or "" for the host name`, func(c *Config) { c.Node = "gw 1" }},
		{`log.level: loud is unknown; write debug, info, warn or error`, func(c *Config) { c.Log.Level = "loud" }},
		{`log.format: xml is unknown; write text or json`, func(c *Config) { c.Log.Format = "xml" }},
		{`tls.key: is missing beside tls.cert; write the file with the certificate's key`, func(c *Config) { c.TLS.Cert = "a" }},
		{`tls.cert: is missing beside tls.key; write the file with the certificate`, func(c *Config) { c.TLS.Key = "a" }},
		{`tls.hsts: 20000h is above 17520h; write 17520h or less`, func(c *Config) { c.TLS.HSTS = 20000 * time.Hour }},

		{`redis.addrs: is empty, and redis.mode: sentinel needs the Sentinels; write [host:26379, …], all of them`, func(c *Config) { c.Redis.Mode, c.Redis.Master = "sentinel", "m" }},
		{`redis.master: is missing, and redis.mode: sentinel needs it; write the master's name among the Sentinels, often mymaster`, func(c *Config) { c.Redis.Mode, c.Redis.Addrs = "sentinel", []string{"a:1", "b:2"} }},
		{`redis.sentinel_username: needs redis.sentinel_password; write it, or set NUDGE_REDIS_SENTINEL_PASSWORD`, func(c *Config) {
			c.Redis.Mode, c.Redis.Addrs, c.Redis.Master, c.Redis.SentinelUsername = "sentinel", []string{"a:1"}, "m", "u"
		}},
		{`redis.addrs: a:1 is listed twice; write each address once`, func(c *Config) {
			c.Redis.Mode, c.Redis.Addrs, c.Redis.Master = "sentinel", []string{"a:1", "a:1"}, "m"
		}},
		{`redis.addrs: is empty, and redis.mode: cluster needs some of its nodes; write [host:6379, …]`, func(c *Config) { c.Redis.Mode = "cluster" }},
		{`redis.db: 2 contradicts redis.mode: cluster, which has database 0 only; write 0`, func(c *Config) { c.Redis.Mode, c.Redis.Addrs, c.Redis.DB = "cluster", []string{"a:1"}, 2 }},
		{`redis.master: is for redis.mode: sentinel only, and the mode is cluster; write "" here`, func(c *Config) { c.Redis.Mode, c.Redis.Addrs, c.Redis.Master = "cluster", []string{"a:1"}, "m" }},
		{`redis.mode: Standalone is unknown; write none, standalone, sentinel or cluster`, func(c *Config) { c.Redis.Mode = "Standalone" }},
		{`redis.addrs: contradicts redis.mode: none; write redis.mode: standalone to use it, or [] here`, func(c *Config) { c.Redis.Addrs = []string{"a:1"} }},
		{`redis.addrs: has 0 entries, and redis.mode: standalone needs one; write [host:port]`, func(c *Config) { c.Redis.Mode = "standalone" }},
		{`redis.addrs: has 2 entries, and redis.mode: standalone needs one; write [host:port]`, func(c *Config) { c.Redis.Mode, c.Redis.Addrs = "standalone", []string{"a:1", "b:2"} }},
		{`redis.addrs: redis is no address; write host:port, such as 127.0.0.1:6379, or the path of a unix socket`, func(c *Config) { c.Redis.Mode, c.Redis.Addrs = "standalone", []string{"redis"} }},
		{`redis.addrs: redis://a:6379 is a URL; write it as redis.url, or host:port here`, func(c *Config) { c.Redis.Mode, c.Redis.Addrs = "standalone", []string{"redis://a:6379"} }},
		{`redis.addrs: :6379 lacks a host or a port; write both, such as 127.0.0.1:6379`, func(c *Config) { c.Redis.Mode, c.Redis.Addrs = "standalone", []string{":6379"} }},
		{`redis.master: is for redis.mode: sentinel only, and the mode is none; write "" here`, func(c *Config) { c.Redis.Master = "m" }},
		{`redis.sentinel_username: is for redis.mode: sentinel only, and the mode is none; write "" here`, func(c *Config) { c.Redis.SentinelUsername = "m" }},
		{`redis.sentinel_password: is for redis.mode: sentinel only, and the mode is none; write "" here`, func(c *Config) { c.Redis.SentinelPassword = "m" }},
		{`redis.db: -1 is below 0; write 0 or more`, func(c *Config) { c.Redis.DB = -1 }},
		{`redis.db: 3 needs a redis.prefix of its own, since pub/sub ignores the database; write one, such as nudge3`, func(c *Config) { c.Redis.DB = 3 }},
		{`redis.username: needs redis.password; write it, or set NUDGE_REDIS_PASSWORD`, func(c *Config) { c.Redis.Username = "u" }},
		{`redis.tls_ca: is used only with redis.tls: true; write redis.tls: true, or remove this`, func(c *Config) { c.Redis.TLSCA = "ca.pem" }},
		{`redis.prefix: "" is no prefix; write 1 to 64 of A-Z a-z 0-9 . _ ~ : - that do not end with a colon`, func(c *Config) { c.Redis.Prefix = "" }},
		{`redis.prefix: n* is no prefix; write 1 to 64 of A-Z a-z 0-9 . _ ~ : - that do not end with a colon`, func(c *Config) { c.Redis.Prefix = "n*" }},
		{`redis.prefix: n{a} is no prefix; write 1 to 64 of A-Z a-z 0-9 . _ ~ : - that do not end with a colon`, func(c *Config) { c.Redis.Prefix = "n{a}" }},
		{`redis.prefix: nudge: is no prefix; write 1 to 64 of A-Z a-z 0-9 . _ ~ : - that do not end with a colon`, func(c *Config) { c.Redis.Prefix = "nudge:" }},
		{`redis.probe: 99ms is below 100ms; write 100ms or more`, func(c *Config) { c.Redis.Probe = 99 * time.Millisecond }},
		{`redis.probe: 1m is above 30s; write 30s or less`, func(c *Config) { c.Redis.Probe = time.Minute }},

		{noKeys, func(c *Config) { c.Auth.Secret = "" }},
		{`auth.open: contradicts auth.secret; write open: false to check tokens, or remove the secret to let everybody in`, func(c *Config) { c.Auth.Open = true }},
		{`auth.open: contradicts auth.jwks and auth.issuers; write open: false to check tokens, or remove them to let everybody in`, func(c *Config) { c.Auth.Open, c.Auth.Secret, c.Auth.JWKS = true, "", "https://x" }},
		{`auth.jwks: contradicts auth.secret, since public keys and secrets must not verify the same tokens; remove one of them, or bind one to its issuer in auth.issuers`, func(c *Config) { c.Auth.JWKS = "https://x" }},
		{`auth.jwks: has no TLS, so whoever is on the way could send keys of their own; write an https URL, or the name of a file (http is for this machine only)`, func(c *Config) { c.Auth.Secret, c.Auth.JWKS = "", "http://login.example.com/keys" }},
		{`auth.jwks: has the scheme ftp; write an https URL, or the name of a file`, func(c *Config) { c.Auth.Secret, c.Auth.JWKS = "", "ftp://login.example.com/keys" }},
		{`auth.jwks: is no URL; write an https URL, or the name of a file`, func(c *Config) { c.Auth.Secret, c.Auth.JWKS = "", "https:///keys" }},
		{`auth.jwks: is a key set itself; write it into a file, and the name of the file here`, func(c *Config) { c.Auth.Secret, c.Auth.JWKS = "", ` {"keys":[]}` }},
		{`auth.secret: is not base64 after base64:; write what openssl rand -base64 32 prints, or remove base64: if the application signs with the text`, func(c *Config) { c.Auth.Secret = "base64:this is a text, and no base64 at all" }},
		{`auth.secret: has 24 bytes and needs 32 at least; make one with openssl rand -hex 32`, func(c *Config) { c.Auth.Secret = "base64:" + goodSecret[:32] }},
		{`auth.claims.subject: is empty; write the name of the claim, such as sub`, func(c *Config) { c.Auth.Claims.Subject = "" }},
		{`auth.claims.subscribe: exp has a meaning of its own; write another claim, such as subscribe`, func(c *Config) { c.Auth.Claims.Subscribe = "exp" }},
		{`auth.claims.publish: projects is auth.claims.subscribe too; write another claim, such as publish`, func(c *Config) { c.Auth.Claims.Subscribe, c.Auth.Claims.Publish = "projects", "projects" }},
		{`auth.issuers: entry 1: issuer is empty or has white space; write the iss of its tokens, letter by letter`, func(c *Config) { c.Auth.Issuers = []Issuer{{JWKS: "a", Projects: []string{"*"}}} }},
		{`auth.issuers: entry 1: it has no keys; write jwks: or secret:`, func(c *Config) { c.Auth.Issuers = []Issuer{{Issuer: "a", Projects: []string{"*"}}} }},
		{`auth.issuers: entry 1: it has jwks and secret; keep one, or make two entries of it`, func(c *Config) {
			c.Auth.Issuers = []Issuer{{Issuer: "a", JWKS: "a", Secret: goodSecret, Projects: []string{"*"}}}
		}},
		{`auth.issuers: entry 2: secret has 5 bytes and needs 32 at least; make one with openssl rand -hex 32`, func(c *Config) {
			c.Auth.Issuers = []Issuer{{Issuer: "a", JWKS: "a", Projects: []string{"*"}}, {Issuer: "a", Secret: "short", Projects: []string{"*"}}}
		}},
		{`auth.issuers: entry 1: projects is missing; write which projects its tokens may reach, such as ["team-*"], or ["*"] for all`, func(c *Config) { c.Auth.Issuers = []Issuer{{Issuer: "a", JWKS: "a"}} }},
		{`auth.issuers: entry 1: projects: a*b` + noProject, func(c *Config) {
			c.Auth.Issuers = []Issuer{{Issuer: "a", JWKS: "a", Projects: []string{"a*b"}}}
		}},
		{`auth.secret: has 31 bytes and needs 32 at least; make one with openssl rand -hex 32`, func(c *Config) { c.Auth.Secret = goodSecret[1:] }},
		{`auth.secret: has white space or a line break around it; remove it, since the application probably signs without it`, func(c *Config) { c.Auth.Secret += "\n" }},
		{`auth.previous_secret: has 5 bytes and needs 32 at least; make one with openssl rand -hex 32`, func(c *Config) { c.Auth.PreviousSecret = "short" }},
		{`auth.previous_secret: is only for rotation and needs auth.secret; write auth.secret too, or remove this`, func(c *Config) { c.Auth.Open, c.Auth.Secret, c.Auth.PreviousSecret = true, "", otherSecret }},
		{`auth.audience: is empty, so tokens made for others would pass; write nudge, or what the application puts in aud`, func(c *Config) { c.Auth.Audience = "" }},
		{`auth.leeway: -1s is below 0s; write 0s or more`, func(c *Config) { c.Auth.Leeway = -time.Second }},
		{`auth.leeway: 11m is above 10m; write 10m or less`, func(c *Config) { c.Auth.Leeway = 11 * time.Minute }},
		{`auth.cookie: "a b" is no cookie name; write letters, digits, - or _, or "" for no cookie`, func(c *Config) { c.Auth.Cookie = "a b" }},
		{`auth.cookie: a=b is no cookie name; write letters, digits, - or _, or "" for no cookie`, func(c *Config) { c.Auth.Cookie = "a=b" }},

		{`push.percent: -1 is below 0; write 0 or more`, func(c *Config) { c.Push.Percent = -1 }},
		{`push.percent: 101 is above 100; write 100 or less`, func(c *Config) { c.Push.Percent = 101 }},
		{`push.percent: 50 needs the subjects of tokens, and auth.open has none; write 100, or use auth.secret`, func(c *Config) { c.Auth.Open, c.Auth.Secret, c.Push.Percent = true, "", 50 }},
		{`push.include: a*b` + noProject, func(c *Config) { c.Push.Include = []string{"42", "team-*", "*", "a*b"} }},
		{`push.exclude: ""` + noProject, func(c *Config) { c.Push.Exclude = []string{""} }},
		{`push.exclude: a/b` + noProject, func(c *Config) { c.Push.Exclude = []string{"a/b"} }},
		{`push.exclude: ` + strings.Repeat("x", 60) + `…` + noProject, func(c *Config) { c.Push.Exclude = []string{strings.Repeat("x", 129)} }},
		{`push.ramp: -1s is below 0s; write 0s or more`, func(c *Config) { c.Push.Ramp = -time.Second }},

		{`poll.fast: 999ms is below 1s; write 1s or more`, func(c *Config) { c.Poll.Fast, c.Poll.Gap = 999*time.Millisecond, 0 }},
		{`poll.slow: 9s is below poll.fast (10s); write 10s or more`, func(c *Config) { c.Poll.Slow = 9 * time.Second }},
		{`poll.slow: 25h is above 24h; write 24h or less`, func(c *Config) { c.Poll.Slow = 25 * time.Hour }},
		{`poll.longest: 9s is below poll.fast (10s); write 10s or more`, func(c *Config) { c.Poll.Longest = 9 * time.Second }},
		{`poll.gap: -1s is below 0s; write 0s or more`, func(c *Config) { c.Poll.Gap = -time.Second }},
		{`poll.gap: 11s is above poll.fast (10s), so news would be slower than polling; write 10s or less`, func(c *Config) { c.Poll.Gap = 11 * time.Second }},
		{`poll.jitter: 1 is not at least 0 and below 1; write 0.2`, func(c *Config) { c.Poll.Jitter = 1 }},
		{`poll.jitter: -0.1 is not at least 0 and below 1; write 0.2`, func(c *Config) { c.Poll.Jitter = -0.1 }},
		{`poll.jitter: NaN is not at least 0 and below 1; write 0.2`, func(c *Config) { c.Poll.Jitter = math.NaN() }},
		{`poll.jitter: -Inf is not at least 0 and below 1; write 0.2`, func(c *Config) { c.Poll.Jitter = math.Inf(-1) }},
		{`poll.budget: -1 is not a rate; write polls per second, or 0 for browsers ÷ poll.fast`, func(c *Config) { c.Poll.Budget = -1 }},
		{`poll.budget: NaN is not a rate; write polls per second, or 0 for browsers ÷ poll.fast`, func(c *Config) { c.Poll.Budget = math.NaN() }},
		{`poll.budget: +Inf is not a rate; write polls per second, or 0 for browsers ÷ poll.fast`, func(c *Config) { c.Poll.Budget = math.Inf(1) }},
		{`heartbeat: 999ms is below 1s; write 1s or more`, func(c *Config) { c.Heartbeat = 999 * time.Millisecond }},
		{`heartbeat: 2h is above 1h; write 1h or less`, func(c *Config) { c.Heartbeat = 2 * time.Hour }},

		{`limits.streams: -1 is below 0; write 0 or more`, func(c *Config) { c.Limits.Streams = -1 }},
		{`limits.goroutine_streams: -1 is below 0; write 0 or more`, func(c *Config) { c.Limits.GoroutineStreams = -1 }},
		{`limits.streams_per_subject: -1 is below 0; write 0 or more`, func(c *Config) { c.Limits.StreamsPerSubject = -1 }},
		{`limits.streams_per_address: -1 is below 0; write 0 or more`, func(c *Config) { c.Limits.StreamsPerAddress = -1 }},
		{`limits.connections_per_address: -1 is below 0; write 0 or more`, func(c *Config) { c.Limits.ConnectionsPerAddress = -1 }},
		{`limits.connects_per_second: -1 is below 0; write 0 or more`, func(c *Config) { c.Limits.ConnectsPerSecond = -1 }},
		{`limits.projects_per_stream: 0 is below 1; write 1 or more`, func(c *Config) { c.Limits.ProjectsPerStream = 0 }},
		{`limits.projects_per_stream: 65 is above 64; write 64 or less`, func(c *Config) { c.Limits.ProjectsPerStream = 65 }},
		{`limits.stream_age: 4s is below 5s; write 5s or more, or 0s for no limit`, func(c *Config) { c.Limits.StreamAge = 4 * time.Second }},
		{`limits.stream_age: -1m is below 5s; write 5s or more, or 0s for no limit`, func(c *Config) { c.Limits.StreamAge = -time.Minute }},
		{`limits.body: 1023B is not between 1KiB and 16MiB; write one in between, such as 64KiB`, func(c *Config) { c.Limits.Body = 1023 }},
		{`limits.body: 17MiB is not between 1KiB and 16MiB; write one in between, such as 64KiB`, func(c *Config) { c.Limits.Body = 17 * MiB }},
		{`limits.trusted_proxies: proxy is no network; write one such as 10.0.0.0/8, or an address`, func(c *Config) { c.Limits.TrustedProxies = []string{"proxy"} }},
		{`limits.trusted_proxies: 10.0.0.0/33 is no network; write one such as 10.0.0.0/8, or an address`, func(c *Config) { c.Limits.TrustedProxies = []string{"10.0.0.0/33"} }},
		{`limits.trusted_proxies: 10.0.0.1/8 has bits beyond its mask; write 10.0.0.0/8`, func(c *Config) { c.Limits.TrustedProxies = []string{"10.0.0.1/8"} }},

		{`drain.delay: -1s is below 0s; write 0s or more`, func(c *Config) { c.Drain.Delay = -time.Second }},
		{`drain.window: 2h is above 1h; write 1h or less`, func(c *Config) { c.Drain.Window = 2 * time.Hour }},

		{`hosts: push.example.com:443 is no host name; write one without scheme and port, such as push.example.com`, func(c *Config) { c.Hosts = []string{"push.example.com:443"} }},
		{`hosts: * is no host name; write one without scheme and port, such as push.example.com`, func(c *Config) { c.Hosts = []string{"*"} }},
		{`ops_hosts: https://a is no host name; write one without scheme and port, such as push.example.com`, func(c *Config) { c.OpsHosts = []string{"*", "https://a"} }},
		{`cors.origins: * is for auth.open only; write each origin, such as https://app.example.com`, func(c *Config) { c.CORS.Origins = []string{"*"} }},
		{`cors.origins: app.example.com is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"app.example.com"} }},
		{`cors.origins: localhost:3000 is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"localhost:3000"} }},
		{`cors.origins: https://a.*.example.com is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://a.*.example.com"} }},
		{`cors.origins: https://*.*.example.com is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://*.*.example.com"} }},
		{`cors.origins: chrome-extension://* is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"chrome-extension://*"} }},
		{`cors.origins: https://*.com stands for all sites below com; write more of the name, such as https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://*.com"} }},
		{`cors.origins: https://*.Example.com/ is never sent by a browser; write https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://*.Example.com/"} }},
		{`cors.headers: X-Trace: is no name of a header; write one without a colon, such as X-Trace, or "*" for any`, func(c *Config) { c.CORS.Headers = []string{"X-Trace:"} }},
		{`cors.origins: https://a:0 is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://a:0"} }},
		{`cors.origins: https://********@a is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://u@a"} }},
		{`cors.origins: https://a?******** is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://a?b"} }},
		{`cors.origins: https://a: is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"https://a:"} }},
		{`cors.origins: null is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com`, func(c *Config) { c.CORS.Origins = []string{"null"} }},
		{`cors.origins: https://a/ is never sent by a browser; write https://a`, func(c *Config) { c.CORS.Origins = []string{"https://a/"} }},
		{`cors.origins: https://a/app is never sent by a browser; write https://a`, func(c *Config) { c.CORS.Origins = []string{"https://a/app"} }},
		{`cors.origins: https://App.example:443 is never sent by a browser; write https://app.example`, func(c *Config) { c.CORS.Origins = []string{"https://App.example:443"} }},
		{`cors.origins: https://a? is never sent by a browser; write https://a`, func(c *Config) { c.CORS.Origins = []string{"https://a?"} }},
	} {
		t.Run(test.want, func(t *testing.T) {
			c := Default()
			c.Auth.Secret = goodSecret
			test.change(c)
			err := c.Validate(ForServing)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"any port":  func(c *Config) { c.Listen, c.OpsListen = "127.0.0.1:0", "127.0.0.1:0" },
		"no ops":    func(c *Config) { c.OpsListen = "" },
		"same port": func(c *Config) { c.Listen, c.OpsListen = "10.0.0.1:80", "127.0.0.1:80" },
		"IPv6":      func(c *Config) { c.Listen, c.OpsListen = "[::1]:80", "localhost:81" },
		"path":      func(c *Config) { c.BasePath = "/a/b-c.d" },
		"TLS":       func(c *Config) { c.TLS = TLS{Cert: "a", Key: "b"} },
		"sentinel": func(c *Config) {
			c.Redis.Mode, c.Redis.Addrs, c.Redis.Master, c.Redis.SentinelPassword = "sentinel", []string{"a:1", "b:1", "c:1"}, "m", "secret"
		},
		"cluster":     func(c *Config) { c.Redis.Mode, c.Redis.Addrs = "cluster", []string{"a:1", "b:1"} },
		"standalone":  func(c *Config) { c.Redis.Mode, c.Redis.Addrs = "standalone", []string{"redis-1.example:6379"} },
		"another db":  func(c *Config) { c.Redis.DB, c.Redis.Prefix = 3, "app:nudge3" },
		"open":        func(c *Config) { c.Auth.Open, c.Auth.Secret, c.CORS.Origins = true, "", []string{"*"} },
		"rotation":    func(c *Config) { c.Auth.PreviousSecret = otherSecret },
		"no cookie":   func(c *Config) { c.Auth.Cookie = "" },
		"host cookie": func(c *Config) { c.Auth.Cookie = "__Host-nudge" },
		"patterns":    func(c *Config) { c.Push.Include = []string{"42", "team-*", "*", strings.Repeat("x", 128)} },
		"nothing":     func(c *Config) { c.Push.Percent, c.Push.Ramp, c.Push.Enabled = 0, 0, false },
		"level pace":  func(c *Config) { c.Poll.Slow, c.Poll.Longest, c.Poll.Gap = c.Poll.Fast, c.Poll.Fast, c.Poll.Fast },
		"no jitter":   func(c *Config) { c.Poll.Jitter, c.Poll.Gap = 0, 0 },
		"nearly 1":    func(c *Config) { c.Poll.Jitter = math.Nextafter(1, 0) },
		"ageless":     func(c *Config) { c.Limits.StreamAge = 0 },
		"proxies":     func(c *Config) { c.Limits.TrustedProxies = []string{"10.0.0.0/8", "192.0.2.1", "::1", "fd00::/8"} },
		"origins": func(c *Config) {
			c.CORS.Origins = []string{
				"https://a.example", "http://localhost:3000", "http://[::1]:8080", "https://*.example.com", "http://*.localhost:3000",
				"capacitor://localhost", "tauri://localhost", "ionic://localhost", "chrome-extension://aohghmighlieiainnegkcijnfilokake",
				"moz-extension://0d7e0000-1111-2222-3333-444455556666", "moz-extension://*", "safari-web-extension://*", "app://desk",
			}
			c.CORS.Headers = []string{"X-Trace", "*"}
		},
		"at once":            func(c *Config) { c.Drain = Drain{} },
		"largest everything": func(c *Config) { c.Limits.Body, c.Limits.Streams, c.Poll.Budget = 16*MiB, math.MaxInt32, 1e6 },
	} {
		c := Default()
		c.Auth.Secret = goodSecret
		change(c)
		if err := c.Validate(ForServing); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateReportsEverything(t *testing.T) {
	c := Default()
	c.Listen, c.Heartbeat, c.Limits.Body = "x", 0, 0
	if got := len(c.check(ForServing)); got != 4 {
		t.Errorf("%d problems, want 4 (with the missing secret):\n%v", got, c.check(ForServing))
	}
}

func TestHide(t *testing.T) {
	for text, want := range map[string]string{
		"redis://:hunter2@host:6379":          "redis://********@host:6379",
		"rediss://ann:hunter2@host":           "rediss://********@host",
		"ann:hunter2@host:6379":               "********@host:6379",
		"hunter2@host:6379":                   "********@host:6379",
		"redis://:hun/ter@2@host":             "redis://********@host",
		"https://keys.example/jwks?key=abc":   "https://keys.example/jwks?********",
		"Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2k": "Bearer ********",
		"127.0.0.1:6379":                      "127.0.0.1:6379",
		"42@124":                              "42@124",
		"a?b":                                 "a?b",
		"":                                    "",
	} {
		if got := Hide(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A password in an address is told nowhere: not by a refusal, wherever the address is from, and not by config print.
func TestAddressesKeepSecrets(t *testing.T) {
	const password = "hunter2-of-production"
	for _, addrs := range []string{
		`[redis://:` + password + `@host:6379]`, `["ann:` + password + `@host:6379", "ann:` + password + `@host:6379"]`,
		`redis://:` + password + `@host:6379`, `[ "` + password + `@host:6379 " ]`, `{a: "redis://:` + password + `@host"}`,
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte("redis:\n  mode: standalone\n  addrs: "+addrs+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Loader{Path: path}.Load()
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", addrs, err)
		}
	}
	t.Chdir(t.TempDir())
	t.Setenv("NUDGE_REDIS_MODE", "standalone")
	t.Setenv("NUDGE_REDIS_ADDRS", "redis://:"+password+"@host:6379")
	_, err := Loader{}.Load()
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "redis.url") {
		t.Error(err)
	}
}

func TestValidateKeepsSecrets(t *testing.T) {
	const short = "hunter2"
	c := Default()
	c.Auth.Secret, c.Auth.PreviousSecret, c.Redis.SentinelPassword = short, short, short
	if err := c.Validate(ForServing); err == nil || strings.Contains(err.Error(), short) {
		t.Error(err)
	}
}
