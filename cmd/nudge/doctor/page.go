package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

var hostInRefusal = regexp.MustCompile(`where Host is (\S+);`)

// identify checks clock, POST /session, token, and how Host and Origin arrive.
func (x *exam) identify(ctx context.Context) bool {
	if x.Token == "" {
		for _, hop := range []string{"clock", "session", "host", "cookie"} {
			x.skip(hop, "there is no token")
		}
		return true // the stream tells whether the gateway is open
	}
	readable := false
	if x.claims, readable = readClaims(x.Token, cmp.Or(x.Claim, "subscribe")); !readable {
		x.broken("token", "", "give the token as the application signs it", "it is not a JWT")
		return false
	}
	request := x.request(ctx, http.MethodPost, "session", nil, byHeader)
	a := x.send(request)
	if !x.clock(a) {
		return false
	}
	switch {
	case !a.ours:
		x.broken("session", path, "let POST and DELETE pass to /session, with the header X-Nudge-Token", "POST /session: %s", a.says())
		x.skip("host", "session is broken")
		x.skip("cookie", "session is broken")
		return true
	case a.status == http.StatusUnauthorized && a.gate.Code == "missing":
		x.broken("session", headers, "let the header X-Nudge-Token pass", "the token does not arrive: %s", a.says())
		return false
	case a.status == http.StatusUnauthorized:
		x.ok("session", "POST /session reaches the gateway")
		x.broken("token", "", "nudge token check TOKEN says why, with the gateway's configuration; so does its log", "%s", a.says())
		return false
	case a.status == http.StatusForbidden && a.gate.Code == "origin":
		x.ok("session", "POST /session reaches the gateway")
		x.ok("token", "the gateway accepts it")
		if x.sameOrigin() && x.URL.Scheme == "https" { // there most browsers say so themselves
			modern := x.request(ctx, http.MethodPost, "session", nil, byHeader)
			modern.Header.Set("Sec-Fetch-Site", "same-origin")
			if b := x.send(modern); b.status == http.StatusNoContent {
				x.ok("host", "Host arrives as %s. Only browsers that send Sec-Fetch-Site get through, not Safari before 16.4", arrivedHost(a))
				x.keep(b)
				return true
			}
		}
		x.refusedOrigin(a)
		return true
	case a.status == http.StatusNotFound:
		x.ok("session", "POST /session reaches the gateway, which makes no cookies (auth.cookie is empty)")
		x.skip("token", "the stream tells")
		x.skip("host", "without a cookie, Host is not compared")
		x.skip("cookie", "auth.cookie is empty")
		return true
	case a.status == http.StatusRequestEntityTooLarge:
		x.ok("session", "POST /session reaches the gateway")
		x.broken("cookie", "", "make the token shorter", "%s", a.says())
		return true
	case a.status != http.StatusNoContent:
		x.broken("session", "", "wait, and try again; nudge status names the limit", "POST /session: %s", a.says())
		return false
	}
	x.ok("session", "POST /session takes the token")
	x.ok("token", "the gateway accepts it")
	x.ok("host", "Host %s and Origin %s arrive, or the gateway knows the origin", x.URL.Host, x.origin)
	x.keep(a)
	return true
}

// clock compares the token with the gateway's clock, as Date tells it. accepted is whether the gateway took the token.
func (x *exam) clock(session reply) bool {
	if x.date.IsZero() {
		x.skip("clock", "the answers have no Date")
		return true
	}
	wrong := x.claims.wrongTime(x.date.Add(time.Since(x.asked)))
	refused := session.status == http.StatusUnauthorized
	off := x.asked.Sub(x.date).Round(time.Second)
	differ := "this machine's clock agrees"
	if off > 5*time.Second || off < -5*time.Second {
		differ = fmt.Sprintf("this machine's clock differs from it by %v", off)
	}
	if wrong != "" && refused {
		x.broken("clock", "", "fetch a new token from the application; if it is new, correct the clock (NTP) of the machine that signs, or of the gateway",
			"by the gateway's clock, %s; %s", wrong, differ)
		x.skip("session", "clock is broken")
		return false
	}
	if wrong != "" {
		differ = wrong + ", but the gateway accepts it; " + differ
	}
	x.ok("clock", "%s", differ)
	return true
}

// arrivedHost is the Host that a refusal names.
func arrivedHost(a reply) string {
	if m := hostInRefusal.FindStringSubmatch(a.gate.Detail); m != nil {
		return m[1]
	}
	return "another name"
}

// refusedOrigin tells a Host that a proxy changed from an origin that is not listed.
func (x *exam) refusedOrigin(a reply) {
	arrived := arrivedHost(a)
	if x.sameOrigin() && arrived != x.URL.Host {
		x.broken("host", host, "let the proxy pass Host on, or send X-Forwarded-Host and be listed in limits.trusted_proxies",
			"Host %s arrives as %s, so the gateway takes the page %s for a foreign one", x.URL.Host, arrived, x.origin)
		x.skip("cookie", "host is broken")
		return
	}
	x.ok("host", "Host arrives as %s", arrived)
	x.broken("cors", "", fmt.Sprintf("cors.origins: [%q]", x.origin), "the gateway refuses pages of %s", x.origin)
	x.skip("tracing", "cors is broken")
	x.skip("cookie", "cors is broken")
}

// tracers are what SDKs for monitoring add to the requests of a page.
var tracers = []string{"traceparent", "tracestate", "baggage", "sentry-trace", "x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority", "b3"}

// crossOrigin checks preflights.
func (x *exam) crossOrigin(ctx context.Context) bool {
	if x.sameOrigin() {
		x.skip("cors", "the page has the gateway's origin; --origin names another")
		x.skip("tracing", "the page has the gateway's origin, so its browser asks no permission")
		return true
	}
	if x.done("cors") {
		return true
	}
	r := x.request(ctx, http.MethodOptions, "session", nil, byNothing)
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", "x-nudge-token,"+strings.Join(tracers, ","))
	a := x.send(r)
	allowed := a.header.Get("Access-Control-Allow-Origin")
	names := strings.ToLower(strings.Join(a.header.Values("Access-Control-Allow-Headers"), ","))
	list := map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		list[strings.TrimSpace(name)] = true
	}
	switch {
	case a.err != nil || a.status >= 300:
		x.broken("cors", headers, "let OPTIONS pass to the gateway, without asking for a password", "the preflight is not answered: %s", a.says())
	case allowed != x.origin && allowed == "":
		x.broken("cors", headers, fmt.Sprintf("cors.origins: [%q]; if it has that, let the proxy pass OPTIONS and its answer", x.origin),
			"the answer to the preflight has no Access-Control-Allow-Origin for %s", x.origin)
	case allowed != x.origin:
		x.broken("cors", headers, "let the gateway answer the preflight, not the proxy",
			"the answer to the preflight allows %s, not %s, so it is not the gateway's", allowed, x.origin)
	case !strings.EqualFold(a.header.Get("Access-Control-Allow-Credentials"), "true"):
		x.broken("cors", headers, "let the gateway answer the preflight, not the proxy", "the answer to the preflight does not allow cookies")
	case !list["x-nudge-token"]:
		x.broken("cors", headers, "let the gateway answer the preflight, not the proxy", "the answer to the preflight does not allow X-Nudge-Token")
	}
	if x.done("cors") {
		x.skip("tracing", "cors is broken")
		return true
	}
	x.ok("cors", "pages of %s may use the gateway", x.origin)
	var refused []string
	for _, name := range tracers {
		if !list[name] {
			refused = append(refused, name)
		}
	}
	if len(refused) > 0 {
		x.broken("tracing", headers, "let the gateway answer the preflight with the whole list; it allows these by default, and cors.headers adds more",
			"pages that use tracing cannot ask: the preflight refuses %s", strings.Join(refused, ", "))
		return true
	}
	x.ok("tracing", "the headers of tracing are allowed")
	return true
}

// keep keeps the cookies of an answer that a browser would keep and send to /events.
func (x *exam) keep(a reply) {
	given := (&http.Response{Header: a.header}).Cookies()
	why, fix := "", ""
	for _, c := range given {
		domain := strings.TrimPrefix(c.Domain, ".")
		below := strings.TrimSuffix(c.Path, "/") + "/"
		switch name := x.URL.Hostname(); {
		case c.Secure && x.URL.Scheme != "https" && !x.loopback():
			why, fix = "it is Secure, and the URL is http", "set auth.cookie_secure: auto, and let the proxy send X-Forwarded-Proto as it is"
		case domain != "" && domain != name && !strings.HasSuffix(name, "."+domain):
			why, fix = "it is for the domain "+domain, "let the proxy leave Set-Cookie as it is"
		case !strings.HasPrefix(x.URL.JoinPath("events").Path, below):
			why, fix = "it is for the path "+c.Path, "set base_path to the path of the URL, and let the proxy leave Set-Cookie and paths as they are"
		default:
			x.cookies = append(x.cookies, c)
		}
	}
	if len(x.cookies) == 0 && why != "" {
		x.broken("cookie", headers, fix, "a browser drops the cookie of /session: %s", why)
	}
}

// otherSite says so if browsers do not send this cookie from pages of the origin. It knows only addresses and localhost: which
// names belong to one site is in a list that nothing here needs otherwise.
func (x *exam) otherSite() string {
	page, err := url.Parse(x.origin)
	if err != nil || page.Hostname() == x.URL.Hostname() {
		return ""
	}
	for _, host := range []string{page.Hostname(), x.URL.Hostname()} {
		if host == "localhost" || net.ParseIP(host) != nil {
			return fmt.Sprintf("; but %s is another site, so its browsers do not send it: those pages put the token into a header", x.origin)
		}
	}
	return ""
}

// comeBack checks that the cookie is in the next request.
func (x *exam) comeBack(ctx context.Context) bool {
	if x.done("cookie") {
		return true
	}
	if len(x.cookies) == 0 {
		if x.Token != "" {
			x.broken("cookie", headers, "let Set-Cookie pass to the browser", "the answer of /session has no Set-Cookie; an open gateway (auth.open) needs none, then leave the token out")
		}
		return true
	}
	a := x.send(x.request(ctx, http.MethodGet, "poll-interval", nil, byCookie))
	if !a.ours { // poll-interval may be blocked
		a = x.send(x.request(ctx, http.MethodGet, "versions", map[string][]string{"project": {x.projects()[0]}}, byCookie))
	}
	switch {
	case !a.ours:
		x.skip("cookie", "neither /poll-interval nor /versions answers")
	case a.gate.Anonymous || a.gate.Code == "missing":
		x.broken("cookie", headers, "let Cookie pass to the gateway, and Set-Cookie as it is to the browser", "the cookie that /session gave does not come back to the gateway")
		x.cookies = nil
	case a.status == http.StatusUnauthorized:
		x.broken("cookie", headers, "let Cookie and Set-Cookie pass as they are", "the cookie arrives changed: %s", a.says())
		x.cookies = nil
	}
	return true // the stream tells whether it also comes back there
}
