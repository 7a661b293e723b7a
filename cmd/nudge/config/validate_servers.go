package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)
	basePath   = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)
	socketMode = regexp.MustCompile(`^0?[0-7]{3}$`)
	passedName = regexp.MustCompile(`^systemd(:[A-Za-z0-9_.-]{1,255})?$`)
	nodeName   = regexp.MustCompile(`^[A-Za-z0-9._~:-]{0,128}$`)
	prefix     = regexp.MustCompile(`^[A-Za-z0-9._~:-]{0,63}[A-Za-z0-9._~-]$`)
)

func (c *Config) checkServers(r *refusals) {
	host, port, err := splitListen(c.Listen)
	if err != nil {
		r.refuse("listen", "%s %v; write host:port, such as 127.0.0.1:8080, the path of a unix socket, or systemd", show(c.Listen), err)
	}
	if c.OpsListen != "" {
		opsHost, opsPort, opsErr := splitListen(c.OpsListen)
		switch {
		case opsErr != nil:
			r.refuse("ops_listen", `%s %v; write host:port, such as 127.0.0.1:9090, the path of a unix socket, systemd:NAME, or "" for none`, show(c.OpsListen), opsErr)
		case err == nil && port != 0 && port == opsPort && (loopback(host) == loopback(opsHost) || EveryHost(host) || EveryHost(opsHost)),
			c.OpsListen == c.Listen && LocalSocket(c.Listen):
			r.refuse("ops_listen", `%s is taken by listen (%s); write another address, or "" for none`, show(c.OpsListen), show(c.Listen)).and("listen")
		}
	}
	if !socketMode.MatchString(c.SocketMode) {
		r.refuse("socket_mode", `%s is no mode of a file; write three octal digits in quotes, such as "0660"`, show(c.SocketMode))
	}
	if c.ProxyProtocol && len(c.Limits.TrustedProxies) == 0 {
		r.refuse("proxy_protocol", "needs limits.trusted_proxies, since only they may say who the client is; list the proxies there").and("limits.trusted_proxies")
	}
	if !basePath.MatchString(c.BasePath) {
		r.refuse("base_path", `%s is no path; write "" or a path that begins with / and does not end with it, such as /push`, show(c.BasePath))
	}
	if !nodeName.MatchString(c.Node) {
		r.refuse("node", `%s is no name; write up to 128 of A-Z a-z 0-9 . _ ~ : - or "" for the host name`, show(c.Node))
	}
	r.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	r.oneOf("log.format", c.Log.Format, "text", "json")
	r.together("tls.cert", c.TLS.Cert, "tls.key", c.TLS.Key)
	r.within("tls.hsts", c.TLS.HSTS, 0, 2*365*24*time.Hour)
}

// together checks that a certificate has a key, and a key a certificate.
func (r *refusals) together(certKey, cert, keyKey, key string) {
	if cert != "" && key == "" {
		r.refuse(keyKey, "is missing beside %s; write the file with the certificate's key", certKey).and(certKey)
	}
	if key != "" && cert == "" {
		r.refuse(certKey, "is missing beside %s; write the file with the certificate", keyKey).and(keyKey)
	}
}

func (c *Config) checkRedis(r *refusals) {
	c.checkRedisMode(r)
	redis := c.Redis
	for i, addr := range redis.Addrs {
		if slices.Contains(redis.Addrs[:i], addr) {
			r.refuse("redis.addrs", "%s is listed twice; write each address once", show(addr))
		}
		c.checkRedisAddr(r, addr)
	}
	if redis.DB < 0 {
		r.refuse("redis.db", "%d is below 0; write 0 or more", redis.DB)
	}
	if redis.DB > 0 && redis.Prefix == defaultPrefix && redis.Mode != "cluster" {
		r.refuse("redis.db", "%d needs a redis.prefix of its own, since pub/sub ignores the database; write one, such as %s%[1]d",
			redis.DB, defaultPrefix)
	}
	if redis.Username != "" && redis.Password == "" {
		r.refuse("redis.username", "needs redis.password; write it, or set NUDGE_REDIS_PASSWORD")
	}
	for _, only := range [][2]string{{"redis.tls_ca", redis.TLSCA}, {"redis.tls_cert", redis.TLSCert}, {"redis.tls_key", redis.TLSKey}} {
		if key, value := only[0], only[1]; value != "" && !redis.TLS {
			r.refuse(key, "is used only with redis.tls: true; write redis.tls: true, or remove this").and("redis.tls")
		}
	}
	if redis.TLSCA != "" && !redis.TLSVerify {
		r.refuse("redis.tls_verify", "is false, so redis.tls_ca has no effect; write true, or remove redis.tls_ca").and("redis.tls_ca")
	}
	r.together("redis.tls_cert", redis.TLSCert, "redis.tls_key", redis.TLSKey)
	if !prefix.MatchString(redis.Prefix) {
		r.refuse("redis.prefix", "%s is no prefix; write 1 to 64 of A-Z a-z 0-9 . _ ~ : - that do not end with a colon", show(redis.Prefix))
	}
	r.within("redis.probe", redis.Probe, 100*time.Millisecond, 30*time.Second)
}

func (c *Config) checkRedisMode(r *refusals) {
	redis := c.Redis
	switch redis.Mode {
	case "none":
		if len(redis.Addrs) > 0 {
			r.refuse("redis.addrs", "contradicts redis.mode: none; write redis.mode: standalone to use it, or [] here").and("redis.mode")
		}
	case "standalone":
		if len(redis.Addrs) != 1 {
			r.refuse("redis.addrs", "has %d entries, and redis.mode: standalone needs one; write [host:port]", len(redis.Addrs)).and("redis.mode")
		}
	case "sentinel":
		if len(redis.Addrs) == 0 {
			r.refuse("redis.addrs", "is empty, and redis.mode: sentinel needs the Sentinels; write [host:26379, …], all of them").and("redis.mode")
		}
		if redis.Master == "" {
			r.refuse("redis.master", "is missing, and redis.mode: sentinel needs it; write the master's name among the Sentinels, often mymaster").and("redis.mode")
		}
		if redis.SentinelUsername != "" && redis.SentinelPassword == "" {
			r.refuse("redis.sentinel_username", "needs redis.sentinel_password; write it, or set NUDGE_REDIS_SENTINEL_PASSWORD")
		}
		return
	case "cluster":
		if len(redis.Addrs) == 0 {
			r.refuse("redis.addrs", "is empty, and redis.mode: cluster needs some of its nodes; write [host:6379, …]").and("redis.mode")
		}
		if redis.DB != 0 {
			r.refuse("redis.db", "%d contradicts redis.mode: cluster, which has database 0 only; write 0", redis.DB).and("redis.mode")
		}
	default:
		r.oneOf("redis.mode", redis.Mode, "none", "standalone", "sentinel", "cluster")
		return
	}
	for _, only := range [][2]string{
		{"redis.master", redis.Master},
		{"redis.sentinel_username", redis.SentinelUsername},
		{"redis.sentinel_password", redis.SentinelPassword},
	} {
		if key, value := only[0], only[1]; value != "" {
			r.refuse(key, `is for redis.mode: sentinel only, and the mode is %s; write "" here`, redis.Mode).and("redis.mode")
		}
	}
}

// checkHosts checks the names that are compared with Host.
func (c *Config) checkHosts(r *refusals) {
	check := func(key, name string) {
		if !hostName.MatchString(name) {
			r.refuse(key, "%s is no host name; write one without scheme and port, such as push.example.com", show(name))
		}
	}
	for _, name := range c.Hosts {
		check("hosts", name)
	}
	for _, name := range c.OpsHosts {
		if name != "*" {
			check("ops_hosts", name)
		}
	}
}

// checkCORS checks that origins are written as browsers send them, since they
// are compared letter by letter.
func (c *Config) checkCORS(r *refusals) {
	for _, origin := range c.CORS.Origins {
		if origin == "moz-extension://*" || origin == "safari-web-extension://*" {
			continue // these browsers give an extension another id in each installation
		}
		if origin == "*" {
			if !c.Auth.Open {
				r.refuse("cors.origins", "* is for auth.open only; write each origin, such as https://app.example.com").and("auth.open")
			}
			continue
		}
		scheme, rest, star := strings.Cut(origin, "://*.")
		if star {
			origin = scheme + "://" + rest
		}
		sent, ok := sentOrigin(origin)
		_, host, _ := strings.Cut(sent, "://")
		if star { // for one label
			origin, sent = scheme+"://*."+rest, strings.Replace(sent, "://", "://*.", 1)
		}
		switch {
		case !ok:
			r.refuse("cors.origins", "%s is no origin; write scheme://host or scheme://host:port, such as https://app.example.com or https://*.example.com", show(origin))
		case star && !strings.Contains(host, ".") && !strings.HasPrefix(host, "localhost"):
			r.refuse("cors.origins", "%s stands for all sites below %s; write more of the name, such as https://*.example.com", show(origin), host)
		case sent != origin:
			r.refuse("cors.origins", "%s is never sent by a browser; write %s", show(origin), sent)
		}
	}
	for _, name := range c.CORS.Headers {
		if !cookieName.MatchString(name) {
			r.refuse("cors.headers", `%s is no name of a header; write one without a colon, such as X-Trace, or "*" for any`, show(name))
		}
	}
}

// sentOrigin returns the origin as a browser sends it: lower case, no path, no
// default port.
func sentOrigin(text string) (origin string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	host, port := u.Hostname(), u.Port()
	address, err := netip.ParseAddr(host)
	if !hostName.MatchString(host) && err != nil || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0) {
		return "", false
	}
	origin = u.Scheme + "://" + strings.ToLower(host)
	if address.Is6() {
		origin = u.Scheme + "://[" + strings.ToLower(host) + "]"
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		origin += ":" + port
	}
	return origin, true
}

// LocalSocket tells whether an address to listen on is the path of a unix socket, or a socket that systemd passes.
func LocalSocket(address string) bool { return socketPath(address) || passedName.MatchString(address) }

// longestPath is the greatest length of the path of a unix socket, in bytes.
const longestPath = 107

// splitListen reads an address to listen on. What has no port is "" and 0.
func splitListen(text string) (host string, port uint16, err error) {
	switch {
	case socketPath(text) && len(text) > longestPath:
		return "", 0, errors.New("is too long for a unix socket")
	case LocalSocket(text):
		return "", 0, nil
	case strings.HasPrefix(text, "unix:"):
		return "", 0, errors.New("has unix: before its path")
	}
	return splitAddress(text)
}

// splitAddress reads host:port. The host may be empty, the port 0.
func splitAddress(text string) (host string, port uint16, err error) {
	host, service, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, errors.New("is no address")
	}
	number, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, errors.New("has no port from 0 to 65535")
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !hostName.MatchString(host) {
		return "", 0, errors.New("has no valid host")
	}
	return host, uint16(number), nil
}

// loopback returns localhost for each of its addresses, and any other host as it is.
func loopback(host string) string {
	if host == "127.0.0.1" || host == "::1" {
		return "localhost"
	}
	return host
}

// EveryHost tells whether a listener on host takes the port of all addresses of this machine.
func EveryHost(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.Unmap().IsUnspecified()
}
