package gateway

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/version"
)

const (
	// mostNews bounds the array of one request.
	mostNews = 1000
	// mostElement bounds one advance in bytes: twice what a message may have, so generous white space does no harm.
	mostElement = 64 << 10
)

// receipt is the body of the answer to a publisher.
type receipt struct {
	Accepted int `json:"accepted"`
	Stale    int `json:"stale"`
}

// publish serves POST /versions: one advance or an array of them. If one is malformed or not allowed, none is published.
// The body is read last, and only as far as it is good: it costs a hundred times more than the rest.
func (g *Gateway) publish(w http.ResponseWriter, r *http.Request) *problem {
	who, p := g.poster(r)
	if p != nil {
		return p
	}
	switch {
	case who.Open:
		return newProblem(http.StatusForbidden, codeForbidden,
			"auth.open lets nobody publish over HTTP; publish to Redis, or configure auth.secret")
	case !who.Publishes():
		return newProblem(http.StatusForbidden, codeForbidden, "the token may publish nothing; it needs the claim publish")
	}
	if p := g.overQuota(r, limits.Publishes, who); p != nil {
		return p
	}
	b, p := g.body(w, r)
	if p != nil {
		return p
	}
	news, p := readNews(b, who.MayPublish)
	if p != nil {
		return p
	}
	ended := g.trace(news, r.Header.Get("Traceparent"))
	got, err := g.source.Publish(r.Context(), news)
	ended(err)
	if err != nil {
		g.log.Warn("publishing failed", "projects", len(news), "error", err,
			"fix", "see the error, and that Redis runs; the publisher sends the same again")
		return unavailable("Redis did not take it; publish the same again, what it took already counts as stale", 2*time.Second)
	}
	writeOK(w, receipt(got))
	return nil
}

// received records a change that arrived, in its trace and in the metrics.
func (g *Gateway) received(c version.Change) (page version.Trace, delivered func()) {
	if g.opt.Tracer != nil && c.Extras.Trace != "" {
		page, delivered = g.opt.Tracer.Received(c)
	}
	sent, traced := c.Extras.Sent, delivered
	if sent.IsZero() {
		return page, traced
	}
	return page, func() {
		g.metrics.published(time.Since(sent))
		if traced != nil {
			traced()
		}
	}
}

// trace begins the spans of a publication, and lets its messages carry them. What names no trace belongs to that of the request.
func (g *Gateway) trace(news []version.News, request string) (ended func(error)) {
	if g.opt.Tracer == nil {
		return func(error) {}
	}
	var ends []func(error)
	for i := range news {
		n := &news[i]
		if n.Trace = cmp.Or(n.Trace, version.ParseTrace(request)); n.Trace == "" {
			continue
		}
		var end func(error)
		n.Trace, end = g.opt.Tracer.Publish(n.Project, n.Trace)
		ends = append(ends, end)
	}
	return func(err error) {
		for _, end := range ends {
			end(err)
		}
	}
}

// poster returns who sends a POST, before its body is read.
func (g *Gateway) poster(r *http.Request) (*auth.Caller, *problem) {
	who, err := g.caller(r)
	if err != nil {
		return nil, unauthorized(err)
	}
	if g.foreign(r) {
		return nil, g.foreignOrigin(r)
	}
	return who, nil
}

// body is the body of a request, read within the limit. It remembers why it could not be read.
type body struct {
	reader io.Reader
	limit  int64
	failed error // nil: it could be read, so far
	whole  func()
}

// body returns the body of r, or refuses one that says it is too large.
func (g *Gateway) body(w http.ResponseWriter, r *http.Request) (*body, *problem) {
	b := &body{limit: g.current.Load().Limits.Body}
	b.reader = http.MaxBytesReader(w, r.Body, b.limit)
	b.whole = func() { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) } // requestLog set it, for the body alone
	if r.ContentLength > b.limit {
		return nil, b.tooLarge()
	}
	return b, nil
}

// posted returns the whole body of r, parsed, if the caller's quota allows one more.
func posted[T any](g *Gateway, w http.ResponseWriter, r *http.Request, kind limits.Request, who *auth.Caller, parse func([]byte) (T, error)) (t T, p *problem) {
	if p = g.overQuota(r, kind, who); p != nil {
		return t, p
	}
	b, p := g.body(w, r)
	if p != nil {
		return t, p
	}
	text, err := io.ReadAll(b)
	if err != nil {
		return t, b.problem(err)
	}
	if t, err = parse(text); err != nil {
		return t, malformed(err)
	}
	return t, nil
}

func (b *body) Read(to []byte) (int, error) {
	n, err := b.reader.Read(to)
	switch err {
	case nil:
	case io.EOF:
		b.whole()
	default:
		b.failed = err
	}
	return n, err
}

func (b *body) tooLarge() *problem {
	return newProblem(http.StatusRequestEntityTooLarge, codeTooLarge,
		fmt.Sprintf("the body is longer than %d bytes; send fewer elements in one request, or raise limits.body", b.limit))
}

// problem returns why the body is refused: it could not be read, it is no JSON, or err is what is wrong with it.
func (b *body) problem(err error) *problem {
	var large *http.MaxBytesError
	var syntax *json.SyntaxError
	switch {
	case errors.As(b.failed, &large):
		return b.tooLarge()
	case b.failed != nil:
		return malformed(fmt.Errorf("the body did not arrive whole: %v", b.failed))
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return malformed(errNoJSON)
	}
	return malformed(err)
}

var errNoJSON = errors.New(`the body is not JSON; send {"project":"42","version":124} or an array of such objects`)

// readNews reads an object, or an array of objects, and stops at the first that is malformed or that the caller may not
// publish. The refusal names index and field.
func readNews(b *body, may func(version.Project) bool) (news []version.News, p *problem) {
	in := bufio.NewReader(b)
	first, err := skipSpace(in)
	decoder := json.NewDecoder(in)
	if err != nil {
		return nil, b.problem(err)
	}
	if first != '[' {
		n, p := readOne(b, decoder, may, 0, "")
		if p == nil {
			p = readEnd(b, decoder)
		}
		return []version.News{n}, p
	}
	if _, err := decoder.Token(); err != nil {
		return nil, b.problem(err)
	}
	news = []version.News{}
	for i := 0; decoder.More(); i++ {
		if i == mostNews {
			return nil, malformed(fmt.Errorf("more than %d elements, which is the most of one request; send the others in a second one", mostNews))
		}
		n, p := readOne(b, decoder, may, i, fmt.Sprintf("element %d: ", i))
		if p != nil {
			return nil, p
		}
		news = append(news, n)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, b.problem(err)
	}
	return news, readEnd(b, decoder)
}

// readOne reads one advance, and checks that the caller may publish it.
func readOne(b *body, decoder *json.Decoder, may func(version.Project) bool, i int, place string) (n version.News, p *problem) {
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return n, b.problem(err)
	}
	if len(raw) > mostElement {
		return n, malformed(fmt.Errorf("%sit is longer than %d bytes", place, mostElement))
	}
	if err := n.UnmarshalJSON(raw); err != nil {
		return n, malformed(fmt.Errorf("%s%w", place, err))
	}
	if !may(n.Project) {
		return n, newProblem(http.StatusForbidden, codeForbidden,
			fmt.Sprintf("the token may not publish project %s (element %d); its publish claim says which it may", n.Project, i))
	}
	return n, nil
}

// readEnd refuses a body that goes on after its JSON value.
func readEnd(b *body, decoder *json.Decoder) *problem {
	switch _, err := decoder.Token(); {
	case b.failed != nil:
		return b.problem(b.failed)
	case err != io.EOF:
		return malformed(errNoJSON)
	}
	return nil
}

// skipSpace skips JSON's white space and returns the byte after it, which stays unread.
func skipSpace(in *bufio.Reader) (byte, error) {
	for {
		switch c, err := in.ReadByte(); c {
		case ' ', '\t', '\r', '\n':
		default:
			if err == nil {
				err = in.UnreadByte()
			}
			return c, err
		}
	}
}
