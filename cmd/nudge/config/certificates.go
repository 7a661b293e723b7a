package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"time"
)

// Files are the certificates that keys name, read together with the configuration. A reload reads them again.
type Files struct {
	Certificate      *tls.Certificate // of the public server; nil: plain HTTP
	RedisCA          *x509.CertPool   // whom to trust as Redis; nil: the system's authorities
	RedisCertificate *tls.Certificate // shown to Redis; nil: none

	// Sums are hashes of the contents by key, to notice changes.
	Sums map[string][sha256.Size]byte
}

// fileOpener reads the files of a configuration and notes what is wrong with them.
type fileOpener struct {
	files    Files
	read     func(name string) content
	problems refusals
	warnings []string
}

// openFiles reads the files that the keys name, as far as the Loader's purpose needs them.
func (l Loader) openFiles(c *Config, r *reading) *fileOpener {
	o := &fileOpener{read: r.file}
	if len(l.Only) == 0 && l.Purpose != ForServing { // to print a configuration, nothing is opened
		return o
	}
	if l.matters("tls") {
		o.files.Certificate = o.pair("tls.cert", c.TLS.Cert, "tls.key", c.TLS.Key)
	}
	if l.matters("redis") && c.Redis.TLS {
		o.files.RedisCertificate = o.pair("redis.tls_cert", c.Redis.TLSCert, "redis.tls_key", c.Redis.TLSKey)
		o.files.RedisCA = o.authorities("redis.tls_ca", c.Redis.TLSCA)
	}
	return o
}

// open returns the content of the file of a key. ok: there is one, and it could be read.
func (o *fileOpener) open(key, name string) (data []byte, ok bool) {
	if name == "" {
		return nil, false
	}
	c := o.read(name)
	if o.files.Sums == nil {
		o.files.Sums = map[string][sha256.Size]byte{}
	}
	o.files.Sums[key] = c.fingerprint()
	if cause, isPath := errors.AsType[*fs.PathError](c.err); isPath {
		o.problems.refuse(key, "%s: %v; name a PEM file that this user can read", show(name), cause.Err)
		return nil, false
	}
	if c.err != nil {
		o.problems.refuse(key, "%s: %v; name a PEM file", show(name), c.err)
		return nil, false
	}
	return c.data, true
}

// pair reads a certificate and its key.
func (o *fileOpener) pair(certKey, certName, keyKey, keyName string) *tls.Certificate {
	cert, hasCert := o.open(certKey, certName)
	key, hasKey := o.open(keyKey, keyName)
	if !hasCert || !hasKey {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	switch {
	case err == nil:
		if now := time.Now(); now.After(pair.Leaf.NotAfter) {
			o.warnings = append(o.warnings, fmt.Sprintf("%s: the certificate in %s has expired at %s, so most clients refuse it; renew it",
				certKey, show(certName), pair.Leaf.NotAfter.UTC().Format(time.RFC3339)))
		}
		return &pair
	case strings.Contains(err.Error(), "private key does not match"), strings.Contains(err.Error(), "private key type does not match"):
		o.problems.refuse(keyKey, "%s is not the key of the certificate in %s (%s); name the key that was made with it", show(keyName), show(certName), certKey).and(certKey)
	case bytes.Contains(key, []byte("ENCRYPTED")):
		o.problems.refuse(keyKey, "%s is encrypted; write it without a passphrase (openssl pkey)", show(keyName))
	case !bytes.Contains(cert, []byte("CERTIFICATE-----")):
		o.problems.refuse(certKey, "%s holds no certificate in PEM form; name the file of the certificate, with those of its chain after it", show(certName))
	case !bytes.Contains(key, []byte("PRIVATE KEY-----")):
		o.problems.refuse(keyKey, "%s holds no key in PEM form; name the file of the certificate's key", show(keyName))
	default:
		o.problems.refuse(certKey, "%s and %s cannot be used: %s; name PEM files of a certificate and its key", show(certName), show(keyName),
			strings.TrimPrefix(err.Error(), "tls: ")).and(keyKey)
	}
	return nil
}

// authorities reads whom to trust.
func (o *fileOpener) authorities(key, name string) *x509.CertPool {
	data, ok := o.open(key, name)
	if !ok {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		o.problems.refuse(key, "%s holds no certificate in PEM form; name the file of the authority's certificate", show(name))
		return nil
	}
	return pool
}

// keepFiles gives c the files of another configuration, and the keys that name them: those of a section, tls or redis.
func (c *Config) keepFiles(section string, of *Config) {
	sums := map[string][sha256.Size]byte{}
	maps.Copy(sums, c.Files.Sums)
	for _, s := range settings {
		if !s.file || !strings.HasPrefix(s.key, section+".") {
			continue
		}
		s.in(c).Set(s.in(of))
		delete(sums, s.key)
		if sum, read := of.Files.Sums[s.key]; read {
			sums[s.key] = sum
		}
	}
	c.Files.Sums = sums
	if len(sums) == 0 {
		c.Files.Sums = nil
	}
	if section == "tls" {
		c.Files.Certificate = of.Files.Certificate
		return
	}
	c.Files.RedisCA, c.Files.RedisCertificate = of.Files.RedisCA, of.Files.RedisCertificate
}
