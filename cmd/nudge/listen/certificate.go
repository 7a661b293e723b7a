package listen

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"nudge/cmd/nudge/config"
)

// certificateAge is how long a certificate is used before its files are looked at again.
const certificateAge = 10 * time.Second

// certificate is the certificate of the public server. It is read again when its files change, so that a renewal needs no
// restart.
type certificate struct {
	files config.TLS
	log   *slog.Logger

	mu     sync.Mutex // guards all below
	pair   *tls.Certificate
	looked time.Time
	dates  [2]time.Time // of the files, when pair was read
}

// newCertificate reads the certificate.
func newCertificate(files config.TLS, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, log: log, looked: time.Now()}
	c.dates = c.changedAt()
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("tls.cert, tls.key: %w; name PEM files of a certificate and its key that this user can read", err)
	}
	c.pair = &pair
	return c, nil
}

// changedAt returns when the files were changed last; zero for a file that is not there.
func (c *certificate) changedAt() (dates [2]time.Time) {
	for i, name := range []string{c.files.Cert, c.files.Key} {
		if info, err := os.Stat(name); err == nil {
			dates[i] = info.ModTime()
		}
	}
	return dates
}

// get is for [tls.Config].GetCertificate. The last good certificate stays until the new files are good: they may be half
// written.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.looked) < certificateAge {
		return c.pair, nil
	}
	c.looked = now
	dates := c.changedAt()
	if dates == c.dates {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		c.log.Warn("the files of tls.cert and tls.key have changed, and cannot be used; the old certificate stays", "error", err)
		return c.pair, nil
	}
	c.pair, c.dates = &pair, dates
	c.log.Info("the certificate was read again", "file", c.files.Cert)
	return c.pair, nil
}
