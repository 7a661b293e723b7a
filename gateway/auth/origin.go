package auth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// CORS says which pages of other hosts may use the gateway, and how.
type CORS struct {
	Origins Origins
	Headers []string // that they may send besides the usual ones; "*": any
}

// Origins are the origins of pages on other hosts that may read answers and use the cookie: each letter by letter as browsers
// send it, a "*" standing for one label of a host; "*" alone: all.
type Origins []string

// Foreign reports whether the request comes from a page that is neither of this host nor allowed. proxied: r came from a
// trusted proxy, which may have changed Host, and says so in X-Forwarded-Host or Forwarded. A request without an Origin comes
// from no page, or from one of this origin, unless the browser says otherwise: pages of other origins send none when they load
// an image or a script.
func (o Origins) Foreign(r *http.Request, proxied bool) bool {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	switch {
	case origin == "":
		return OtherSite(r)
	case site == "same-origin", sameHost(origin, r.Host), o.list(origin):
		return false // the first: the browser compared both itself, before any proxy changed Host
	}
	return !slices.ContainsFunc(forwarded(r, "X-Forwarded-Host", "host", proxied), func(host string) bool { return sameHost(origin, host) })
}

// list reports whether the origin is one of the list.
func (o Origins) list(origin string) bool {
	return slices.ContainsFunc(o, func(own string) bool {
		before, after, star := strings.Cut(own, "*")
		if !star || own == "*" {
			return own == "*" || own == origin
		}
		label, ok := strings.CutPrefix(origin, before)
		label, end := strings.CutSuffix(label, after)
		return ok && end && label != "" && !strings.ContainsAny(label, ".:/")
	})
}

// sameHost compares host and port, with the scheme's default port filled in on both sides. The scheme itself is not
// compared: behind a proxy that ends TLS, the gateway does not know its own.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // such as "null", the origin of a sandboxed page
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	trim := func(h string) string { return strings.ToLower(strings.TrimSuffix(h, port)) }
	return trim(u.Host) == trim(host)
}

// usualHeaders are the headers that pages of listed origins may send: those of the shim and of EventSource, and those that
// tracing adds to every request of a page (OpenTelemetry, Sentry, Datadog, Zipkin, Jaeger, New Relic, Elastic, Azure, AWS, Google).
var usualHeaders = []string{
	"Authorization", TokenHeader, "Content-Type", "Last-Event-ID", "Cache-Control",
	"traceparent", "tracestate", "baggage", "sentry-trace",
	"x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority", "x-datadog-tags",
	"b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags",
	"uber-trace-id", "newrelic", "elastic-apm-traceparent", "request-id", "request-context", "x-amzn-trace-id", "x-cloud-trace-context",
}

// mostHeaders is how many names of Access-Control-Request-Headers are looked at. No page has as many, and anybody can send
// thousands.
const mostHeaders = 100

// AllowHeaders divides the names in Access-Control-Request-Headers into those that pages may send, and the others.
func (c CORS) AllowHeaders(list string) (allowed, refused []string) {
	for name := range strings.SplitSeq(list, ",") {
		if len(allowed)+len(refused) == mostHeaders {
			break
		}
		same := func(own string) bool { return own == "*" || strings.EqualFold(own, name) }
		switch name = strings.TrimSpace(name); {
		case name == "":
		case slices.ContainsFunc(usualHeaders, same), slices.ContainsFunc(c.Headers, same):
			allowed = append(allowed, name)
		default:
			refused = append(refused, name)
		}
	}
	return allowed, refused
}
