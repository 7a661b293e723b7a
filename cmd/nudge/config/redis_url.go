package config

import (
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
)

const (
	redisPort = "6379"
	urlShape  = "redis://user:password@host:6379/0, rediss:// for TLS, or unix:///run/redis/redis.sock"
)

// redisURL is what a URL of Redis says, in the keys of the configuration.
type redisURL struct {
	addr               string
	username, password string
	db                 int
	tls                bool
	ignored            []string // parameters for other programs
}

// parseRedisURL reads a URL as platforms give it. The complaint never shows it, since it may hold a password.
func parseRedisURL(text string) (r redisURL, complaint string) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return r, "is no URL; write " + urlShape + "; special characters of the password as %40 for @, %23 for #, %2F for /, %25 for %"
	}
	if u.Fragment != "" {
		return r, "has a # in it, which ends a URL; write %23 for it in the password"
	}
	r.username = u.User.Username()
	r.password, _ = u.User.Password()
	number := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		r.tls = u.Scheme == "rediss"
		host, port := u.Hostname(), u.Port()
		if host == "" {
			host = "localhost"
		}
		if port == "" {
			port = redisPort
		}
		r.addr = net.JoinHostPort(host, port)
	case "unix":
		if r.addr, number = u.Path, ""; u.Host != "" || len(r.addr) < 2 {
			return r, "names no absolute path; write unix:///run/redis/redis.sock"
		}
	default:
		return r, "does not begin with redis://, rediss:// or unix://; write " + urlShape
	}
	query := u.Query()
	if number == "" {
		number = query.Get("db")
	}
	if number != "" {
		n, ok := parseDigits(number)
		if !ok || n < 0 || int64(int(n)) != n {
			return r, show(number) + " is no number of a database; end the URL with /0, or leave it out"
		}
		r.db = int(n)
	}
	delete(query, "db")
	r.ignored = slices.Sorted(maps.Keys(query))
	return r, ""
}

// useRedisURL writes what redis.url says into the keys that it stands for, and notes that they come from there. The URL wins over
// a default that is written out, so that a copy of config.yaml works beside NUDGE_REDIS_URL. Another value is a contradiction.
func (l *Loaded) useRedisURL() Problems {
	c := &l.Config.Redis
	if c.URL == "" {
		return nil
	}
	var r refusals
	u, complaint := parseRedisURL(c.URL)
	if complaint != "" {
		r.refuse("redis.url", "%s", complaint)
		return Problems(r)
	}
	take := func(key string, given bool) {
		if given {
			r.refuse(key, "contradicts redis.url, which says it too; write only one of them").and("redis.url")
		}
		l.Origins[key] = l.Origins["redis.url"]
	}
	switch c.Mode {
	case "sentinel":
		r.refuse("redis.url", "names one server, and redis.mode: sentinel needs all Sentinels; write them as redis.addrs").and("redis.mode")
	case "none":
		take("redis.mode", false)
		c.Mode = "standalone"
	}
	take("redis.addrs", len(c.Addrs) > 0)
	c.Addrs = []string{u.addr}
	if u.username != "" {
		take("redis.username", c.Username != "")
		c.Username = u.username
	}
	if u.password != "" {
		take("redis.password", c.Password != "")
		c.Password = u.password
	}
	if u.db != 0 {
		take("redis.db", c.DB != 0)
		c.DB = u.db
	}
	if u.tls {
		take("redis.tls", false)
		c.TLS = true
	}
	if len(u.ignored) > 0 {
		l.Warnings = append(l.Warnings, "redis.url: these parameters are for other programs, and are ignored: "+
			strings.Join(u.ignored, ", ")+"; redis.tls_verify and redis.tls_ca say which certificates are trusted")
	}
	return Problems(r)
}

// unusedRedisURL is a warning if the platform gives a Redis that nobody uses. "": there is none.
func (c *Config) unusedRedisURL() string {
	if os.Getenv("REDIS_URL") == "" || c.Redis.Mode != "none" {
		return ""
	}
	return "REDIS_URL is set, and Nudge does not use it: redis.mode is none. To use that Redis, set NUDGE_REDIS_URL to the same value"
}

// socketPath tells whether an address is the path of a unix socket.
func socketPath(addr string) bool { return strings.HasPrefix(addr, "/") }

// checkRedisAddr checks an address of Redis: host:port, or the path of a unix socket.
func (c *Config) checkRedisAddr(r *refusals, addr string) {
	host, port, err := splitAddress(addr)
	switch {
	case socketPath(addr):
		if c.Redis.Mode == "sentinel" || c.Redis.Mode == "cluster" {
			r.refuse("redis.addrs", "%s is a unix socket, and redis.mode: %s needs host:port", show(addr), c.Redis.Mode).and("redis.mode")
		}
		if c.Redis.TLS {
			r.refuse("redis.tls", "contradicts the unix socket in redis.addrs; write false").and("redis.addrs")
		}
	case strings.HasPrefix(addr, "unix:"):
		r.refuse("redis.addrs", "%s: write the path alone, such as /run/redis/redis.sock", show(addr))
	case strings.Contains(addr, "://"), strings.Contains(addr, "@"):
		r.refuse("redis.addrs", "%s is a URL; write it as redis.url, or host:port here", show(addr))
	case err != nil:
		r.refuse("redis.addrs", "%s %v; write host:port, such as 127.0.0.1:%s, or the path of a unix socket", show(addr), err, redisPort)
	case host == "", port == 0:
		r.refuse("redis.addrs", "%s lacks a host or a port; write both, such as %s", show(addr), "127.0.0.1:"+redisPort)
	}
}
