package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// reach checks DNS and TCP.
func (x *exam) reach(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	name, port := x.URL.Hostname(), x.URL.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[x.URL.Scheme]
	}
	addresses := []string{name}
	if net.ParseIP(name) != nil {
		x.skip("dns", "the URL has an address, not a name")
	} else {
		found, err := x.lookup(ctx, name)
		if err != nil {
			x.broken("dns", "", "add an A or AAAA record for the name, or correct the URL", "%s: %s", name, dnsCause(err))
			return false
		}
		addresses = found
		x.ok("dns", "%s is %s", name, strings.Join(found, ", "))
	}
	var dead []string
	var took time.Duration
	alive := ""
	for _, address := range addresses {
		began := time.Now()
		conn, err := x.dial(ctx, "tcp", net.JoinHostPort(address, port))
		if err != nil {
			dead = append(dead, err.Error())
			continue
		}
		conn.Close()
		if alive == "" {
			alive, took = net.JoinHostPort(address, port), time.Since(began)
		}
	}
	switch {
	case alive == "":
		x.broken("tcp", "", "start what listens there, correct the port, or let a firewall pass it", "%s", strings.Join(dead, "; "))
		return false
	case len(dead) > 0:
		x.ok("tcp", "%s after %s, but not all addresses answer: %s", alive, seconds(took), strings.Join(dead, "; "))
	default:
		x.ok("tcp", "%s after %s", alive, seconds(took))
	}
	return true
}

func dnsCause(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Err
	}
	return err.Error()
}

// secure checks TLS.
func (x *exam) secure(ctx context.Context) bool {
	if x.URL.Scheme != "https" {
		x.skip("tls", "the URL is http")
		return true
	}
	address := x.URL.Host
	if x.URL.Port() == "" {
		address = net.JoinHostPort(x.URL.Hostname(), "443")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	plain, err := x.dial(ctx, "tcp", address)
	if err != nil {
		x.broken("tls", "", "try again", "%v", cause(err))
		return false
	}
	defer plain.Close()
	conn := tls.Client(plain, &tls.Config{ServerName: x.URL.Hostname(), RootCAs: x.Roots, NextProtos: []string{"h2", "http/1.1"}})
	if err := conn.HandshakeContext(ctx); err != nil {
		x.broken("tls", "", tlsFix(err), "%v", cause(err))
		return false
	}
	state := conn.ConnectionState()
	until := state.PeerCertificates[0].NotAfter
	x.ok("tls", "%s; the certificate is good until %s", tls.VersionName(state.Version), until.Format(time.DateOnly))
	return true
}

func tlsFix(err error) string {
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return "serve a certificate that has this name, or use a name that the certificate has"
	case errors.As(err, &authority):
		return "serve the intermediate certificates too; or, if the authority is your own, name its file in SSL_CERT_FILE for this command"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the certificate, and reload the server that serves it"
	}
	return "let the server speak TLS 1.2 or 1.3 at this port, or write http:// if it speaks none"
}

// answer checks that a gateway answers over HTTP. It looks at the version, the proxy's name and the clock.
func (x *exam) answer(ctx context.Context) bool {
	a := x.send(x.request(ctx, http.MethodGet, "live", nil, byNothing))
	if a.err == nil {
		x.proxies = recognise(a.header)
	}
	at := "/live"
	b := x.send(x.request(ctx, http.MethodGet, "poll-interval", nil, byHeader))
	switch {
	case a.ours && b.ours && b.gate.Code == "not_found": // /live is at the root too
		x.broken("http", "", "add base_path of the gateway to the URL", "the gateway is at another path: %s", b.gate.Detail)
		return false
	case !a.ours && b.ours: // some proxies keep /live to themselves
		a, at = b, "/poll-interval"
	case !a.ours:
		x.notOurs(a)
		return false
	case x.URL.Scheme == "http" && strings.HasPrefix(x.origin, "https:") && !x.loopback():
		x.broken("http", "", "let the gateway, or the proxy before it, speak TLS, and give pages its https URL",
			"browsers do not let %s use an http URL (mixed content)", x.origin)
		return false
	}
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		x.date, x.asked = date, time.Now()
	}
	text := fmt.Sprintf("%s, first byte of %s after %s", a.proto, at, seconds(a.took))
	if len(x.proxies) > 0 {
		text += ", through " + strings.Join(x.proxies, " and ")
	}
	if !strings.HasPrefix(a.proto, "HTTP/2") {
		text += "; browsers open six connections over HTTP/1.1, so share the stream of several tabs (nudge/tabs)"
	}
	x.ok("http", "%s", text)
	return true
}

// loopback tells whether the gateway is on the page's machine, which browsers trust without TLS.
func (x *exam) loopback() bool {
	return x.URL.Hostname() == "localhost" || net.ParseIP(x.URL.Hostname()).IsLoopback()
}

// notOurs says why something else than a gateway answers.
func (x *exam) notOurs(a reply) {
	switch {
	case a.err != nil:
		x.broken("http", "", "look at what listens there: it takes the connection, but gives no answer of HTTP", "%s", a.says())
	case a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") != "":
		x.broken("http", "", "write https://USER:PASSWORD@HOST/ here; pages need the password too", "something before the gateway wants a password: %s", a.says())
	case a.status >= 300 && a.status < 400:
		x.broken("http", "", "give the URL that it redirects to; pages need that too", "the answer is a redirect: %s", a.says())
	case a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable || a.status == http.StatusGatewayTimeout:
		x.broken("http", "", "start the gateway, and let the proxy send to its address (listen)", "the proxy does not reach the gateway: %s", a.says())
	case a.gate.Code == "host":
		x.broken("http", "", "add the name to hosts", "%s", a.says())
	default:
		x.broken("http", path, "give the URL with base_path, and let the proxy send that path to the gateway unchanged", "no gateway answers at this path: %s", a.says())
	}
}
