package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// blocks are the blocks of docs/proxies.md, in their order: "nginx 1", "nginx 2", "apache 1".
var blocks = func() map[string]string {
	all := map[string]string{}
	text, err := os.ReadFile("../docs/proxies.md")
	if err != nil {
		panic(err)
	}
	counts := map[string]int{}
	for _, m := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```\n").FindAllStringSubmatch(string(text), -1) {
		counts[m[1]]++
		all[fmt.Sprint(m[1], " ", counts[m[1]])] = m[2]
	}
	return all
}()

// varnishParameter is what docs/proxies.md starts Varnish with.
var varnishParameter = func() string {
	text, err := os.ReadFile("../docs/proxies.md")
	if err != nil {
		panic(err)
	}
	return string(regexp.MustCompile("`-p (send_timeout=[0-9]+)`").FindSubmatch(text)[1])
}()

// change is a piece of a block that differs in the test: an address, a file.
type change struct{ old, new string }

// doc is a hop as docs/proxies.md has it. Only addresses and files differ, and each must be there.
func doc(program string, names []string, changes func(dir, listen, next string) []change) hop {
	return hop{program, func(dir, listen, next string) (string, error) {
		config := ""
		for _, name := range names {
			if blocks[name] == "" {
				return "", fmt.Errorf("docs/proxies.md has no block %s", name)
			}
			config += blocks[name] + "\n"
		}
		for _, c := range changes(dir, listen, next) {
			if !strings.Contains(config, c.old) {
				return "", fmt.Errorf("the blocks %q of docs/proxies.md do not have %q any more", names, c.old)
			}
			config = strings.ReplaceAll(config, c.old, c.new)
		}
		return config, certify(dir)
	}}
}

var (
	files = func(dir string) change { return change{"/etc/ssl/app.example.com", filepath.Join(dir, "cert")} }

	docNginx = doc("nginx", []string{"nginx 1"}, func(dir, listen, next string) []change {
		return []change{{"listen 443 ", "listen " + listen + " "}, files(dir), {"127.0.0.1:8080", next}}
	})
	docOuterNginx = doc("nginx", []string{"nginx 2"}, func(dir, listen, next string) []change {
		return []change{{"listen 443 ", "listen " + listen + " "}, files(dir), {"127.0.0.1:8443", next}}
	})
	// plainOuterNginx is the outer nginx as it is if nobody can change it.
	plainOuterNginx = doc("nginx", []string{"nginx 2"}, func(dir, listen, next string) []change {
		return []change{{"listen 443 ", "listen " + listen + " "}, files(dir), {"127.0.0.1:8443", next}, {"proxy_buffering off;", ""}}
	})
	docInnerNginx = doc("nginx", []string{"nginx 3"}, func(_, listen, next string) []change {
		return []change{{"listen 8443", "listen " + listen}, {"127.0.0.1:8080", next}}
	})
	// plainInnerNginx is one that knows of no other.
	plainInnerNginx = doc("nginx", []string{"nginx 3"}, func(_, listen, next string) []change {
		return []change{{"listen 8443", "listen " + listen}, {"127.0.0.1:8080", next}, {"proxy_pass_header X-Accel-Buffering;", ""}}
	})
	docHAProxy = doc("haproxy", []string{"haproxy 1"}, func(dir, listen, next string) []change {
		return []change{{"bind :443 ", "bind " + listen + " "}, files(dir), {"127.0.0.1:8080", next}}
	})
	docApache = doc("apache2", []string{"apache 1", "apache 2"}, func(dir, listen, next string) []change {
		return []change{{"*:443", listen}, files(dir), {"127.0.0.1:8080", next}}
	})
	docVarnish = doc("varnishd", []string{"vcl 1"}, func(_, _, next string) []change {
		_, port, _ := net.SplitHostPort(next)
		return []change{{`"8080"`, `"` + port + `"`}}
	})
	docCaddy = doc("caddy", []string{"caddy 1"}, func(dir, listen, next string) []change {
		own := fmt.Sprintf("https://%s {\n    tls %s/cert.pem %s/cert.key", listen, dir, dir)
		return []change{{"app.example.com {", own}, {"127.0.0.1:8080", next}}
	})
)

// shortest is a hop as manuals begin.
func shortest(program, config string) hop {
	return hop{program, func(_, listen, next string) (string, error) {
		_, port, _ := net.SplitHostPort(next)
		return strings.NewReplacer("LISTEN", listen, "NEXT", next, "PORT", port).Replace(config), nil
	}}
}

const shortHAProxy = `defaults
	mode http
	timeout connect 5s
	timeout client 50s
	timeout server 50s
frontend browsers
	bind LISTEN
	default_backend gateways
backend gateways
	server one NEXT
`

// certify writes a certificate for 127.0.0.1, as three files that docs/proxies.md names.
func certify(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62)) // Firefox refuses a second certificate with the same number
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o644),
		os.WriteFile(filepath.Join(dir, "cert.key"), secret, 0o644),
		os.WriteFile(filepath.Join(dir, "cert.both.pem"), append(cert, secret...), 0o644),
	)
}

// browserOf is a client that asks as a browser does, by HTTP/1.1 or HTTP/2, and takes compressed answers.
func browserOf(t *testing.T, http2 bool) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetHTTP2(http2)
	return client(t, transport)
}
