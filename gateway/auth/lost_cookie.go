package auth

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"nudge/gateway/limits"
)

// LostCookies notices browsers that do not send the cookie back which they were given: their pages are refused again and again,
// and nothing else says why. The zero value is not ready.
type LostCookies struct {
	log   *slog.Logger
	lines *repeated

	mu    sync.Mutex // guards given
	given limits.Recent[givenCookie]
}

// givenCookie is what the log needs of an answer with a cookie.
type givenCookie struct {
	origin, host    string
	secure, another bool // the cookie is Secure; the page is of another site
}

// lostWithin is how soon after its cookie a page opens a stream.
const lostWithin = 10 * time.Second

// NewLostCookies returns the notice of lost cookies, which logs one of them a minute at most, and ever more rarely if it is the same.
func NewLostCookies(log *slog.Logger) *LostCookies {
	return &LostCookies{log: log, lines: newRepeated(), given: limits.Recent[givenCookie]{Most: 4096}}
}

// browser tells browsers apart, as far as that is possible without a cookie.
func browser(r *http.Request, address string) limits.Key {
	return limits.KeyOf(address + " " + r.UserAgent())
}

// Given notes that the browser of r gets a cookie.
func (l *LostCookies) Given(r *http.Request, address string, cookie *http.Cookie) {
	origin := r.Header.Get("Origin")
	u, err := url.Parse(origin)
	another := r.Header.Get("Sec-Fetch-Site") == "cross-site" || err == nil && loopbackNames(u.Hostname(), hostname(r.Host))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given.Put(browser(r, address), givenCookie{cutText(origin), cutText(r.Host), cookie.Secure, another}, time.Now(), lostWithin)
}

// Came notes that the browser of r has sent a cookie back.
func (l *LostCookies) Came(r *http.Request, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given.Delete(browser(r, address))
}

// Missing says in the log that the browser of r has lost its cookie, if it was given one just now. r has no token.
func (l *LostCookies) Missing(r *http.Request, address string) {
	l.mu.Lock()
	given, left := l.given.Get(browser(r, address), time.Now())
	l.mu.Unlock()
	if left == 0 {
		return
	}
	fix := "see that no proxy removes Set-Cookie or Cookie, and that the browser does not block cookies"
	switch {
	case given.another:
		fix = "the page is of another site than the gateway, and browsers send no SameSite=Lax cookie there: use one host name for both. Pages without a transport of their own put the token into a header after a second or two; fetchStream() does it at once"
	case given.secure && !strings.HasPrefix(given.origin, "https://"):
		fix = "the cookie is Secure, and the page may have been loaded over plain HTTP, where browsers drop it: use auth.cookie_secure: auto"
	}
	times, tell := l.lines.happened(given.origin + " " + given.host + " " + fix)
	if !tell {
		return
	}
	l.log.Warn("a page got a cookie from POST /session, and its next request came without it, so it gets 401",
		"origin", given.origin, "host", given.host, "fix", fix, "times", times)
}

func hostname(host string) string {
	return (&url.URL{Host: host}).Hostname()
}

// loopbackNames reports whether these are two different names of this machine, which are two sites for a browser.
func loopbackNames(a, b string) bool {
	loopback := func(name string) bool { return name == "localhost" || name == "::1" || strings.HasPrefix(name, "127.") }
	return a != b && loopback(a) && loopback(b)
}

// cutText cuts what a page has sent, for the log.
func cutText(text string) string { return text[:min(len(text), 100)] }
