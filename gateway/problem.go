package gateway

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/gateway/stream"
	"nudge/version"
)

// problem is a refusal, RFC 9457. Codes are a closed set: they are labels of a metric.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`

	retryAfter time.Duration // of 429 and 503
	goodbye    stream.Reason // a stream gets a goodbye with it instead of 429 and 503
	limit      string        // name of the limit that the request exceeds; "": none
	body       any           // of the answer, if it says more than the problem; nil: the problem
}

const (
	codeMalformed   = "malformed"
	codeForbidden   = "forbidden"
	codeOrigin      = "origin"
	codeHost        = "host"
	codeLimit       = "limit"
	codeDraining    = "draining"
	codeUnavailable = "unavailable"
	codeTooLarge    = "too_large"
	codeNotFound    = "not_found"
	codeMethod      = "method"
	codeInternal    = "internal"
)

// codes lists all codes, those of token errors included.
var codes = []string{
	codeMalformed, codeForbidden, codeOrigin, codeHost, codeLimit, codeDraining, codeUnavailable, codeTooLarge,
	codeNotFound, codeMethod, codeInternal, auth.ErrMissing.Error(), auth.ErrExpired.Error(), auth.ErrInvalid.Error(),
}

func newProblem(status int, code, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

func malformed(err error) *problem {
	return newProblem(http.StatusBadRequest, codeMalformed, err.Error())
}

// unauthorized refuses for one of the token errors.
func unauthorized(err error) *problem {
	if err == auth.ErrPending {
		return unavailable("the gateway does not have the key of this token yet; try again", time.Second)
	}
	detail := map[error]string{
		auth.ErrMissing: "a token is needed: send it as X-Nudge-Token or Authorization: Bearer, or give it once to POST /session",
		auth.ErrExpired: "the token has expired; fetch a new one from the application",
		auth.ErrInvalid: "the token is not accepted; fetch a new one from the application. If that one is refused too, the gateway's log says why, and so does nudge token check TOKEN",
	}[err]
	return newProblem(http.StatusUnauthorized, err.Error(), detail)
}

// originFixes says what lets the pages of an origin in.
const originFixes = "if the page is yours, add its origin to cors.origins; if a proxy changed Host, let it pass Host on, " +
	"or list the proxy in limits.trusted_proxies and let it send X-Forwarded-Host"

func (g *Gateway) foreignOrigin(r *http.Request) *problem {
	return newProblem(http.StatusForbidden, codeOrigin, fmt.Sprintf("pages of %s may not do that here, where Host is %s; %s",
		cut(cmp.Or(r.Header.Get("Origin"), "another site"), 100), cut(r.Host, 100), originFixes))
}

func foreignHost(key string) *problem {
	return newProblem(http.StatusMisdirectedRequest, codeHost,
		"this gateway does not answer under that name; ask for its address, or add the name to "+key)
}

// limited refuses a request over a limit: with 429 if the limit is the caller's own, else with 503.
func limited(r *limits.Refusal) *problem {
	status := http.StatusServiceUnavailable
	if r.Caller {
		status = http.StatusTooManyRequests
	}
	p := newProblem(status, codeLimit, r.Reason)
	p.retryAfter, p.goodbye, p.limit = r.RetryAfter, stream.Overload, r.Name
	return p
}

// overQuota counts a request of its kind, and refuses it if its caller makes too many.
func (g *Gateway) overQuota(r *http.Request, kind limits.Request, who *auth.Caller) *problem {
	if over := g.quotas.Admit(kind, 1, g.counted(r, who), time.Now()); over != nil {
		return limited(over)
	}
	return nil
}

// overProjects counts the projects of a request that are new to this gateway, and refuses it if its caller names too many.
func (g *Gateway) overProjects(caller limits.Caller, projects []version.Project) *problem {
	n := g.hub.New(projects)
	if n == 0 {
		return nil
	}
	if over := g.quotas.Admit(limits.Projects, n, caller, time.Now()); over != nil {
		return limited(over)
	}
	return nil
}

func draining() *problem {
	p := newProblem(http.StatusServiceUnavailable, codeDraining, "this gateway is leaving; another one serves you")
	p.retryAfter, p.goodbye = time.Second, stream.Drain
	return p
}

func unavailable(detail string, after time.Duration) *problem {
	p := newProblem(http.StatusServiceUnavailable, codeUnavailable, detail)
	p.retryAfter, p.goodbye = after, stream.Overload
	return p
}

// handler serves a request, or returns why it does not.
type handler func(http.ResponseWriter, *http.Request) *problem

// handle serves requests with h, and writes its refusals.
func (g *Gateway) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if p := h(w, r); p != nil {
			g.refuse(w, p)
		}
	}
}

// refuse writes p as an HTTP answer.
func (g *Gateway) refuse(w http.ResponseWriter, p *problem) {
	g.countRefusal(w, p)
	h := w.Header()
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", ceilSeconds(p.retryAfter))
	}
	var body any = p
	if p.body != nil {
		body = p.body
	}
	writeJSON(w, p.Status, "application/problem+json", body)
}

// countRefusal counts p, and notes it in the log.
func (g *Gateway) countRefusal(w http.ResponseWriter, p *problem) {
	g.metrics.refused.WithLabelValues(p.Code).Inc()
	if p.limit != "" {
		g.metrics.limited[p.limit].Add(1)
	}
	noteRefusal(w, p.Code)
}

// ceilSeconds returns d in whole seconds, rounded up, for a header.
func ceilSeconds(d time.Duration) string {
	return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10)
}

// writeJSON writes an answer that nobody may cache.
func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	text, err := json.Marshal(body)
	if err != nil { // our own types; a float that is no number would be a bug of ours
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

func writeOK(w http.ResponseWriter, body any) { writeJSON(w, http.StatusOK, "application/json", body) }

// writeNothing writes an answer without a body, which nobody may cache.
func writeNothing(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
