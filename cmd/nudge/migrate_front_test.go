//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// front is a proxy in front of an application. It writes an access log as nginx does, by the time that a request says in the header
// Test-Time, and counts.
type front struct {
	*httptest.Server
	requests  atomic.Int64 // that poll
	unchanged atomic.Int64 // were answered 304 by Nudge's middleware
}

func startFront(t *testing.T, app, logFile string) *front {
	t.Helper()
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(t, err)
	f := &front{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: app})
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] // pages say which address they have
		},
		Transport: &http.Transport{DisableKeepAlives: true}, // the application is killed, and starts again
		ModifyResponse: func(answer *http.Response) error {
			if answer.Header.Get("X-Nudge-Version") != "" {
				t.Errorf("the page gets X-Nudge-Version from %s", answer.Request.URL)
			}
			if answer.StatusCode == http.StatusNotModified && strings.HasPrefix(answer.Header.Get("ETag"), `W/"nudge1.`) {
				f.unchanged.Add(1)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path != "/nudge-token" {
			f.requests.Add(1)
		}
		now := time.Now()
		if ms, err := strconv.ParseInt(r.Header.Get("Test-Time"), 10, 64); err == nil {
			now = time.UnixMilli(ms)
		}
		answer := &counted{ResponseWriter: w}
		proxy.ServeHTTP(answer, r)
		_, _ = fmt.Fprintf(log, "%s - - [%s] \"%s %s HTTP/1.1\" %d %d \"-\" \"%s\"\n", r.Header.Get("X-Forwarded-For"),
			now.UTC().Format("02/Jan/2006:15:04:05 -0700"), r.Method, r.URL, answer.status, answer.size, r.UserAgent())
	}))
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
		_ = log.Close()
	})
	return f
}

// counted is an answer of which status and size are noted.
type counted struct {
	http.ResponseWriter
	status, size int
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.size += n
	return n, err
}
