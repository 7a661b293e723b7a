package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	boardPath   = "/app/projects/42"
	storiesPath = boardPath + "/stories"
)

// ask sends a request as curl would: no Origin, an address as Host.
func ask(h http.Handler, method, target, body string, head ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(head); i += 2 {
		if head[i] == "Host" {
			r.Host = head[i+1]
			continue
		}
		r.Header.Set(head[i], head[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// read decodes an answer that must have the given status.
func read[T any](t testing.TB, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	return v
}

type refusal struct {
	Status              int
	Title, Detail, Code string
	Field               string
}

func readState(t testing.TB, h http.Handler) state {
	t.Helper()
	return read[state](t, ask(h, "GET", boardPath, ""), http.StatusOK)
}

func readChanges(t testing.TB, h http.Handler, since int64) delta {
	t.Helper()
	return read[delta](t, ask(h, "GET", fmt.Sprintf("%s/changes?since=%d", boardPath, since), ""), http.StatusOK)
}

func titlesIn(s state, column string) []string {
	var titles []string
	for _, story := range s.Stories {
		if story.Column == column {
			titles = append(titles, story.Title)
		}
	}
	return titles
}
