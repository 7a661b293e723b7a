package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certify writes a certificate with a serial number, and its key.
func certify(t *testing.T, cert, key string, serial int64, until time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	text, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})))
}

// Files are opened when the configuration is checked, and each mistake in them names its key.
func TestFilesAreOpened(t *testing.T) {
	inEmptyDirectory(t)
	hour := time.Now().Add(time.Hour)
	certify(t, "a.crt", "a.key", 1, hour)
	certify(t, "b.crt", "b.key", 2, hour)
	writeFile(t, "locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	writeFile(t, "junk", "junk")
	const redis = "redis: {mode: standalone, addrs: [\"a:1\"], tls: true, "
	for text, want := range map[string]string{
		"tls: {cert: a.crt, key: a.key}":                  "",
		"tls: {cert: a.crt, key: b.key}":                  "tls.key: b.key is not the key of the certificate in a.crt (tls.cert); name the key that was made with it",
		"tls: {cert: a.crt, key: absent}":                 "tls.key: absent: no such file or directory; name a PEM file that this user can read",
		"tls: {cert: ., key: a.key}":                      "tls.cert: .: is a directory; name a PEM file that this user can read",
		"tls: {cert: a.key, key: a.key}":                  "tls.cert: a.key holds no certificate in PEM form",
		"tls: {cert: a.crt, key: a.crt}":                  "tls.key: a.crt holds no key in PEM form",
		"tls: {cert: a.crt, key: locked.key}":             "tls.key: locked.key is encrypted; write it without a passphrase",
		redis + "tls_ca: a.crt}":                          "",
		redis + "tls_ca: junk}":                           "redis.tls_ca: junk holds no certificate in PEM form",
		redis + "tls_cert: a.crt, tls_key: a.key}":        "",
		redis + "tls_cert: a.crt, tls_key: b.key}":        "redis.tls_key: b.key is not the key of the certificate in a.crt (redis.tls_cert)",
		redis + "tls_cert: a.crt}":                        "redis.tls_key: is missing beside redis.tls_cert",
		redis + "tls_verify: false}":                      "",
		redis + "tls_verify: false, tls_ca: a.crt}":       "redis.tls_verify: is false, so redis.tls_ca has no effect",
		"redis: {tls_cert: a.crt, tls_key: a.key}":        "redis.tls_cert: is used only with redis.tls: true",
		"redis: {url: \"rediss://a\", tls_ca: absent}":    "redis.tls_ca: absent: no such file or directory",
		"redis: {url: \"rediss://a\", tls_ca: \"a.crt\"}": "",
	} {
		writeFile(t, "config.yaml", text+"\n")
		for _, l := range []Loader{{Purpose: ForServing, Flags: map[string]string{"auth.secret": goodSecret}}, {Only: []string{"redis", "tls"}}} {
			_, err := l.Load()
			if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), "config.yaml:1: "+want)) {
				t.Errorf("%s: %v\nwant %s", text, err, want)
			}
		}
	}
	writeFile(t, "config.yaml", "tls: {cert: absent, key: absent}\n")
	if _, err := (Loader{}).Load(); err != nil {
		t.Errorf("to print a configuration, nothing is opened: %v", err)
	}
	certify(t, "old.crt", "old.key", 3, time.Now().Add(-time.Hour))
	writeFile(t, "config.yaml", "tls: {cert: old.crt, key: old.key}\n")
	loaded, err := Loader{Only: []string{"tls"}}.Load()
	if err != nil || len(loaded.Warnings) != 1 || !strings.Contains(loaded.Warnings[0], "has expired") {
		t.Errorf("expired: %v, %v", err, loaded)
	}
}

// A renewed certificate is in force without a restart. While its files are not good, the old one stays, and other keys change.
func TestReloadOfCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, path := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), aFile(t)
	hour := time.Now().Add(time.Hour)
	certify(t, cert, key, 1, hour)
	text := func(n int) string { return percent(n) + "tls: {cert: " + cert + ", key: " + key + "}\n" }
	writeFile(t, path, text(1))
	w := watch(t, path, func(o *WatcherOptions) {
		o.Loader.Purpose, o.Loader.Flags = ForServing, map[string]string{"auth.secret": goodSecret}
		loaded, err := o.Loader.Load()
		must(t, err)
		o.Loaded = loaded
	})
	serial := func(c *Config) int64 { return c.Files.Certificate.Leaf.SerialNumber.Int64() }
	// The dates stay the same, as with a copy that keeps them.
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(cert, old, old))
	certify(t, cert, key, 2, hour)
	must(t, os.Chtimes(cert, old, old))
	for got := int64(0); got != 2; { // perhaps between the two files
		select {
		case c := <-w.applied:
			got = serial(c)
		case <-w.looked:
		}
	}
	for len(w.looked) > 0 {
		<-w.looked
	}
	w.log.take()
	writeFile(t, key, "half")
	var broken Problems
	for !errors.As(receive(t, w.looked), &broken) {
	}
	if !strings.Contains(broken.Error(), "tls.key: "+key+" holds no key") || !strings.Contains(w.log.take(), "the last good ones stay") {
		t.Errorf("broken: %v", broken)
	}
	writeFile(t, path, text(3))
	if c := receive(t, w.applied); c.Push.Percent != 3 || serial(c) != 2 {
		t.Errorf("push.percent %d with certificate %d, want 3 with 2", c.Push.Percent, serial(c))
	}
}
