package demo

import (
	"encoding/json"
	"errors"
	"net/http"
)

// fault is an error for the caller: what is wrong and how to mend it.
type fault struct {
	status int
	code   string
	field  string // the field of the request concerned, if one is
	detail string
}

func (f fault) Error() string { return f.detail }

// wrong is a fault in one field of the request.
func wrong(field, mend string) fault {
	return fault{http.StatusBadRequest, "malformed", field, field + ": " + mend}
}

// writeFault answers err as application/problem+json. Anything but a fault is
// the server's own and is told without its cause.
func writeFault(w http.ResponseWriter, err error) {
	var f fault
	if !errors.As(err, &f) {
		f = fault{http.StatusInternalServerError, "internal", "", "the demo could not do this; its log says why"}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	writeBody(w, f.status, struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
		Field  string `json:"field,omitempty"`
	}{"about:blank", http.StatusText(f.status), f.status, f.detail, f.code, f.field})
}

// writeJSON answers v; no answer of the application may be kept by a cache.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	writeBody(w, status, v)
	return nil
}

func writeBody(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The only error left here is a caller who went away.
	_ = json.NewEncoder(w).Encode(v)
}
