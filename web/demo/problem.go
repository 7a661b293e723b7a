package demo

import (
	"encoding/json"
	"errors"
	"net/http"
)

// problem is an error for the caller: what is wrong and how to fix it.
type problem struct {
	status int
	code   string
	field  string // the field of the request concerned, if there is one
	detail string
}

func (p problem) Error() string { return p.detail }

// wrong is a problem with one field of the request.
func wrong(field, fix string) problem {
	return problem{http.StatusBadRequest, "malformed", field, field + ": " + fix}
}

// writeProblem answers err as application/problem+json. Any error but a problem is the server's own: the answer leaves out its
// cause.
func writeProblem(w http.ResponseWriter, err error) {
	var p problem
	if !errors.As(err, &p) {
		p = problem{http.StatusInternalServerError, "internal", "", "the demo could not do this; the terminal that runs it says why"}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	writeBody(w, p.status, struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
		Field  string `json:"field,omitempty"`
	}{"about:blank", http.StatusText(p.status), p.status, p.detail, p.code, p.field})
}

// writeJSON answers v. No cache may keep an answer of the application.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	writeBody(w, status, v)
	return nil
}

func writeBody(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The only error left here is a caller who has gone.
	_ = json.NewEncoder(w).Encode(v)
}
