package listen

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nudge/cmd/nudge/config"
	"nudge/gateway/limits"
)

// writeCertificate writes a certificate with a serial number, dated by that number.
func writeCertificate(t *testing.T, files config.TLS, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, block := range map[string]*pem.Block{
		files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		must(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
		must(t, os.Chtimes(name, time.Time{}, time.Unix(serial, 0)))
	}
}

// A renewed certificate is used without a restart. While its files are not good, the old one stays.
func TestCertificateIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		files := config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
		var log bytes.Buffer
		if _, err := newCertificate(files, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "tls.cert") {
			t.Errorf("without files: %v", err)
		}
		writeCertificate(t, files, 1)
		c, err := newCertificate(files, slog.New(slog.NewTextHandler(&log, nil)))
		must(t, err)
		serves := func(serial int64) {
			t.Helper()
			pair, err := c.get(nil)
			must(t, err)
			if got := pair.Leaf.SerialNumber.Int64(); got != serial {
				t.Errorf("certificate %d is served, want %d", got, serial)
			}
		}
		serves(1)
		writeCertificate(t, files, 2)
		serves(1) // it is too early to look
		time.Sleep(certificateAge)
		serves(2)
		must(t, os.WriteFile(files.Key, []byte("half"), 0o600))
		time.Sleep(certificateAge)
		serves(2)
		if !strings.Contains(log.String(), "the old certificate stays") {
			t.Errorf("the log does not say so: %s", log.String())
		}
		must(t, os.Remove(files.Cert))
		time.Sleep(certificateAge)
		serves(2)
		writeCertificate(t, files, 3)
		time.Sleep(certificateAge)
		serves(3)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TLS begins with 1.2: what is older is broken.
func TestOldTLSIsRefused(t *testing.T) {
	dir := t.TempDir()
	files := config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	writeCertificate(t, files, 1)
	log := slog.New(slog.DiscardHandler)
	s, err := Open(Options{Key: "listen", Address: "127.0.0.1:0", TLS: files, Handler: http.NotFoundHandler(), Places: limits.NewConnections(0, log), Log: log})
	must(t, err)
	done := make(chan error)
	go func() { done <- s.Run() }()
	for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
	s.Stop()
	must(t, <-done)
}
