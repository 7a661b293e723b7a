package replay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"nudge/cmd/nudge/simulate/browser"
)

// request makes a request to whichever gateway the balancer picks.
func (p *page) request(ctx context.Context, method, path, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	return p.crowd.Gateways.RoundTrip(r)
}

// listen opens a stream and tells the page of its events, until ctx or the stream ends.
func (p *page) listen(ctx context.Context, number uint32, path string) {
	lost := browser.Event{Kind: browser.Lost, Number: number}
	resp, err := p.request(ctx, http.MethodGet, path, "")
	if err != nil {
		p.send(ctx, lost)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		lost.Status = resp.StatusCode
		p.send(ctx, lost)
		return
	}
	name, ours := browser.Heartbeat, false
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch string(field) {
		case "event":
			name, ours = names[string(value)]
		case "data":
			if m, err := decode(value, p.names); err == nil && ours {
				p.send(ctx, browser.Event{Kind: browser.Heard, Name: name, Number: number, Message: m})
			}
		}
	}
	p.send(ctx, lost)
}

// ask asks for the terms.
func (p *page) ask(ctx context.Context, number uint32, path string) {
	resp, err := p.request(ctx, http.MethodGet, path, "")
	if err != nil {
		p.send(ctx, browser.Event{Kind: browser.Failed, Number: number})
		return
	}
	defer resp.Body.Close()
	e := browser.Event{Kind: browser.Replied, Number: number, Status: resp.StatusCode}
	if text, err := io.ReadAll(resp.Body); err == nil {
		e.Message, _ = decode(text, p.names) // what is no message says nothing
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = 1000 * float64(seconds)
	}
	p.send(ctx, e)
}

// poll polls the application: within one, and tells the page within ctx.
func (p *page) poll(one, ctx context.Context, number uint32, url string) {
	e := browser.Event{Kind: browser.Unpolled, Number: number}
	if r, err := http.NewRequestWithContext(one, http.MethodGet, url, nil); err == nil {
		if resp, err := p.crowd.http.Do(r); err == nil {
			if resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&e.Versions) == nil {
				e.Kind = browser.Polled
				io.Copy(io.Discard, resp.Body) // so that the connection serves again
			}
			resp.Body.Close()
		}
	}
	if e.Kind == browser.Unpolled && ctx.Err() == nil {
		p.crowd.stats.failed()
	}
	p.send(ctx, e)
}

// report tells of what push has missed.
func (p *page) report(ctx context.Context, body string) {
	if resp, err := p.request(ctx, http.MethodPost, "/missed", body); err == nil {
		resp.Body.Close()
	}
}
