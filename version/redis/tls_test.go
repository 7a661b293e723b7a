//go:build unix

package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// certify writes a certificate for 127.0.0.1 that signs itself, with its key, and returns whom to trust.
func certify(t *testing.T, cert, key string) *x509.CertPool {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nudge test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// All connections go over TLS, and one that cannot be trusted is said to be so.
func TestRedisTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	trusted := certify(t, cert, key)
	port := redistest.FreePort(t)
	addr := net.JoinHostPort("127.0.0.1", port)
	server := redistest.Start(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", cert, "--tls-auth-clients", "no")

	s := redisSource(t, server, func(o *redis.Options) {
		o.Addrs, o.TLS = []string{addr}, &tls.Config{RootCAs: trusted}
	})
	p := project(t, "42")
	s.Watch(p)
	s.publish(1, 0, version.News{Project: p, Version: 7})
	s.untilVersion(p, 7)
	wait(t, "an echo", s.echoes)

	for name, c := range map[string]struct {
		tls  *tls.Config
		mend string
	}{
		"a stranger": {&tls.Config{}, "redis.tls_ca"},
		"plain":      {nil, "redis.tls"},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			s := redisSource(t, server, func(o *redis.Options) {
				o.Addrs, o.TLS, o.Log = []string{addr}, c.tls, slog.New(slog.NewTextHandler(&log, nil))
			})
			wait(t, "the loss", s.losses)
			if !strings.Contains(log.String(), c.mend) {
				t.Errorf("the log does not say to see %s:\n%s", c.mend, log.String())
			}
		})
	}
	t.Run("TLS to a plain server", func(t *testing.T) {
		var log lockedBuffer
		s := redisSource(t, redistest.Start(t), func(o *redis.Options) {
			o.TLS, o.Log = &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}, slog.New(slog.NewTextHandler(&log, nil))
		})
		wait(t, "the loss", s.losses)
		if !strings.Contains(log.String(), "redis.tls") {
			t.Errorf("the log does not say to see redis.tls:\n%s", log.String())
		}
	})
}
