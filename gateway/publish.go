package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"nudge/version"
)

// mostNews bounds the array of one request.
const mostNews = 1000

// receipt is the body of the answer to a publisher.
type receipt struct {
	Accepted int `json:"accepted"`
	Stale    int `json:"stale"`
}

// publish serves POST /versions: one advance or an array of them. If one is malformed or not allowed, none is published.
func (g *Gateway) publish(w http.ResponseWriter, r *http.Request) *problem {
	body, p := g.body(w, r)
	if p != nil {
		return p
	}
	news, err := parseNews(body)
	if err != nil {
		return malformed(err)
	}
	who, err := g.caller(r)
	if err != nil {
		return unauthorized(err)
	}
	for i, n := range news {
		if !who.MayPublish(n.Project) {
			detail := fmt.Sprintf("the token may not publish project %s (element %d); its publish claim says which it may", n.Project, i)
			if who.Open {
				detail = "auth.open lets nobody publish over HTTP; publish to Redis, or configure auth.secret"
			}
			return newProblem(http.StatusForbidden, codeForbidden, detail)
		}
	}
	if g.foreign(r) {
		return foreignOrigin()
	}
	got, err := g.source.Publish(r.Context(), news)
	if err != nil {
		g.log.Warn("publishing failed", "projects", len(news), "error", err)
		return unavailable("Redis did not take it; publish the same again, what it took already counts as stale", 2*time.Second)
	}
	writeOK(w, receipt(got))
	return nil
}

// body reads a request's body within the limit.
func (g *Gateway) body(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	limit := g.current.Load().Limits.Body
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // requestLog set it, for the body alone
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, newProblem(http.StatusRequestEntityTooLarge, codeTooLarge,
			fmt.Sprintf("the body is longer than %d bytes; send fewer elements in one request, or raise limits.body", limit))
	case err != nil:
		return nil, malformed(fmt.Errorf("the body did not arrive whole: %v", err))
	}
	return body, nil
}

// parseNews parses an object, or an array of objects. The error names index and field of the first bad element.
func parseNews(body []byte) ([]version.News, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '[' {
		var n version.News
		if err := strict(body, &n); err != nil {
			return nil, err
		}
		return []version.News{n}, nil
	}
	var elements []json.RawMessage
	if err := strict(body, &elements); err != nil {
		return nil, err
	}
	if len(elements) > mostNews {
		return nil, fmt.Errorf("%d elements; one request may have %d at most", len(elements), mostNews)
	}
	news := make([]version.News, len(elements))
	for i, e := range elements {
		if err := news[i].UnmarshalJSON(e); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return news, nil
}

// strict decodes a body that is one JSON value and nothing else.
func strict(body []byte, into any) error {
	if !json.Valid(body) {
		return errors.New(`the body is not JSON; send {"project":"42","version":124} or an array of such objects`)
	}
	return json.Unmarshal(body, into)
}
