//go:build unix

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/version/redistest"
)

// writeCertificate writes a certificate with a serial number, and its key.
func writeCertificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	text, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})))
}

// A gateway takes a new certificate, a new secret and a new password of Redis without a restart.
func TestRenewals(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	redis.Do("ACL", "SETUSER", "nudge", "on", ">old", "+@all", "~*", "&*")
	dir := t.TempDir()
	cert, key, secret, password := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "secret"), filepath.Join(dir, "password")
	writeCertificate(t, cert, key, 1)
	writeFile(t, secret, goodSecret+"\n")
	writeFile(t, password, "old\n")
	listen, ops := redistest.FreeAddress(t), redistest.FreeAddress(t)
	p := start(t, []string{
		"NUDGE_AUTH_SECRET_FILE=" + secret, "NUDGE_REDIS_PASSWORD_FILE=" + password, "NUDGE_CONFIG=none", "NUDGE_REDIS_USERNAME=nudge",
		"NUDGE_REDIS_MODE=standalone", "NUDGE_REDIS_ADDRS=" + redis.Addr, "NUDGE_TLS_CERT=" + cert, "NUDGE_TLS_KEY=" + key, "NUDGE_REDIS_PROBE=200ms",
		"NUDGE_DRAIN_DELAY=0s", "NUDGE_DRAIN_WINDOW=0s",
	}, "serve", "--listen", listen, "--ops-listen", ops)
	g := &gatewayProcess{process: p, url: "http://" + ops}
	g.untilStatus("/ready", 200)
	at := p.stderr.until(t, 0, "nudge serves")

	writeCertificate(t, cert, key, 2)
	p.signalled(syscall.SIGHUP)
	at = p.stderr.until(t, at, "tls.key")
	c, err := tls.Dial("tcp", listen, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	if got := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != 2 {
		t.Errorf("certificate %d is served, want 2", got)
	}
	c.Close()

	redis.Do("ACL", "SETUSER", "nudge", ">new") // both passwords are good for a moment
	writeFile(t, password, "new\n")
	at = p.stderr.until(t, at, "changed=redis.password")
	redis.Do("ACL", "SETUSER", "nudge", "<old")
	writeFile(t, secret, goodSecret[1:]+"x\n")
	p.stderr.until(t, at, "changed=auth.secret")
	g.untilAnswer("/metrics", func(_ int, body []byte) bool {
		return bytes.Contains(body, []byte("nudge_push_state{state=\"healthy\"} 1\n"))
	})
	if text := p.stderr.String(); strings.Contains(text, "redis does not deliver") {
		t.Errorf("push was lost:\n%s", text)
	}
}
