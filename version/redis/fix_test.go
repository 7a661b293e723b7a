//go:build unix

package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// authority signs certificates for tests.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), pool: x509.NewCertPool()}
	a.key = newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue writes a certificate for a name or an address, and its key.
func (a *authority) issue(name string, until time.Time) (cert, key string) {
	private := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: until.Add(-time.Hour), NotAfter: until}
	if name != "nobody" {
		template.DNSNames = []string{name}
	}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".crt", "CERTIFICATE", der), a.write(name+".key", "PRIVATE KEY", text)
}

// server starts a Redis with TLS, and returns its address.
func (a *authority) server(cert, key string, flags ...string) (*redistest.Server, string) {
	port := redistest.FreePort(a.t)
	return redistest.Start(a.t, append([]string{
		"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", filepath.Join(a.dir, "ca.pem"),
	}, flags...)...), net.JoinHostPort("127.0.0.1", port)
}

// elsewhere is an address of this machine that is not loopback; "": it has none.
func elsewhere() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	return ""
}

// A connection that fails is logged in one line, however often it is tried, and the fix is that of the cause.
func TestFixFitsTheCause(t *testing.T) {
	t.Parallel()
	a, hour := newAuthority(t), time.Now().Add(time.Hour)
	cert, key := a.issue("127.0.0.1", hour)
	plain := redistest.Start(t)
	_, open := a.server(cert, key, "--tls-auth-clients", "no")
	_, strict := a.server(cert, key, "--tls-auth-clients", "yes")
	otherCert, otherKey := a.issue("redis.example", hour)
	_, misnamed := a.server(otherCert, otherKey, "--tls-auth-clients", "no")
	bareCert, bareKey := a.issue("nobody", hour)
	_, nameless := a.server(bareCert, bareKey, "--tls-auth-clients", "no")
	oldCert, oldKey := a.issue("::1", time.Now().Add(-time.Minute))
	_, expired := a.server(oldCert, oldKey, "--tls-auth-clients", "no")
	locked := redistest.Start(t, "--requirepass", "right")
	full := redistest.Start(t, "--maxclients", "1")
	keep, err := net.Dial("unix", full.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keep.Close() })
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	cluster := redistest.Start(t, "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.9")
	cluster.Do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	at := func(addr string, access redis.Access) func(*redis.Options) {
		return func(o *redis.Options) { o.Addrs, o.Access = []string{addr}, access }
	}
	trusting := func(change func(*tls.Config)) redis.Access {
		c := &tls.Config{RootCAs: a.pool}
		if change != nil {
			change(c)
		}
		return redis.Access{TLS: c}
	}
	for name, c := range map[string]struct {
		opt   func(*redis.Options)
		fault version.Fault
		fix   string
	}{
		"client certificate wanted":          {at(strict, trusting(nil)), version.FaultConnection, "redis.tls_cert and redis.tls_key"},
		"client certificate wanted, TLS 1.2": {at(strict, trusting(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })), version.FaultConnection, "redis.tls_cert and redis.tls_key"},
		"unknown authority":                  {at(open, redis.Access{TLS: &tls.Config{}}), version.FaultConnection, "redis.tls_verify: false"},
		"another name":                       {at(misnamed, trusting(nil)), version.FaultConnection, "the certificate is for redis.example; write one of these names in redis.url or redis.addrs"},
		"no name":                            {at(nameless, trusting(nil)), version.FaultConnection, "the certificate names no host"},
		"expired":                            {at(expired, trusting(nil)), version.FaultConnection, "not valid at the time of this machine"},
		"plain against TLS":                  {at(open, redis.Access{}), version.FaultConnection, "rediss:// in redis.url"},
		"TLS against plain":                  {at(plain.Addr, trusting(nil)), version.FaultConnection, "speaks no TLS"},
		"TLS against HTTP":                   {at(web.Listener.Addr().String(), trusting(nil)), version.FaultConnection, "speaks no TLS"},
		"no password":                        {at(locked.Addr, redis.Access{}), version.FaultAuth, "set redis.password"},
		"wrong password":                     {at(locked.Addr, redis.Access{Password: "wrong"}), version.FaultAuth, "see redis.username and redis.password"},
		"announced address":                  {func(o *redis.Options) { o.Mode, o.Addrs = redis.Cluster, []string{cluster.Addr} }, version.FaultConnection, "cluster-announce-ip"},
		"nothing listens":                    {at("127.0.0.1:1", redis.Access{}), version.FaultConnection, "nothing listens there"},
		"no such name":                       {at("no-such-name.invalid:6379", redis.Access{}), version.FaultConnection, "no such name"},
		"no such socket":                     {at("/nonexistent/redis.sock", redis.Access{}), version.FaultConnection, "unixsocket"},
		"no Redis":                           {at(web.Listener.Addr().String(), redis.Access{}), version.FaultConnection, "is no Redis"},
		"too many clients":                   {at(full.Addr, redis.Access{}), version.FaultConnection, "maxclients"},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); fixOf(t, plain, c.opt, c.fault, c.fix) })
	}
	if ip := elsewhere(); ip != "" {
		guarded := redistest.Start(t, "--bind", "0.0.0.0")
		_, port, _ := net.SplitHostPort(guarded.Addr)
		t.Run("protected mode", func(t *testing.T) {
			fixOf(t, plain, at(net.JoinHostPort(ip, port), redis.Access{}), version.FaultAuth, "protected mode")
		})
	}
}

func fixOf(t *testing.T, server *redistest.Server, opt func(*redis.Options), fault version.Fault, fix string) {
	t.Helper()
	var log lockedBuffer
	s := redisSource(t, server, func(o *redis.Options) {
		opt(o)
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	var got loss
	tries := 3
	if fix == "speaks no TLS" {
		tries = 1 // each takes as long as a handshake may
	}
	for range tries {
		got = wait(t, "the loss", s.losses)
	}
	text := log.String()
	if got.fault != fault || !strings.Contains(text, fix) || strings.Count(text, "\n") != 1 {
		t.Errorf("fault %q, want %q; want one line with the fix %q:\n%s", got.fault, fault, fix, text)
	}
	if testing.Verbose() {
		t.Log(text)
	}
}
