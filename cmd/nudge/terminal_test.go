package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nudge/cmd/nudge/terminal"
)

// inJSON is text that a terminal would obey, in a string of JSON: an escape sequence, its 8-bit form, and a line of its own.
const inJSON = "\\u001b]0;owned\\u0007\u009b2J\\r\\n42@999"

// What a gateway says is printed, and no terminal obeys it.
func TestTextOfGatewaysIsEscaped(t *testing.T) {
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/status":
			fmt.Fprint(w, strings.NewReplacer("no-echo", inJSON, `"gw-20"`, `"`+inJSON+`"`, "limit", inJSON).Replace(answered))
		case "/events":
			fmt.Fprintf(w, "event: hello\ndata: {\"versions\":{\"%[1]s\":3},\"unknown\":[\"%[1]s\"],\"denied\":[\"%[1]s\"],\"off\":[\"%[1]s\"]}\n\n"+
				"event: version\ndata: {\"project\":\"%[1]s\",\"version\":4}\n\nevent: \x1b[2J\u009b\ndata: \x1b[2J\n\n", inJSON)
		case "/refused/events", "/refused/versions", "/refused/revocations":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"detail":"%s"}`, inJSON)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(hostile.Close)
	for name, args := range map[string][]string{
		"status":          {"status", "--ops", hostile.URL},
		"status --json":   {"status", "--json", "--ops", hostile.URL},
		"refused watch":   {"watch", "42", "--gateway", hostile.URL + "/refused"},
		"refused publish": {"publish", "42@1", "--gateway", hostile.URL + "/refused"},
		"refused revoke":  {"revoke", "--sub", "ann", "--gateway", hostile.URL + "/refused"},
		"arguments":       {"config", "\x1b[2J"},
		"a flag":          {"status", "--\x1b[2J"},
		"a token":         {"token", "check", "--config", "none", "\x1b[2J.\u009b.x"},
	} {
		exit, out, errs := nudge(args...)
		if got := out + errs; got != terminal.Lines(got) || got == "" || strings.Contains(got, "\n42@999") {
			t.Errorf("%s: exit %d, a terminal would obey %q", name, exit, got)
		}
	}
	for _, asJSON := range []bool{false, true} {
		var out, notes strings.Builder
		w := &watcher{remote: remote{gateway: hostile.URL}, out: &out, notes: &notes, last: nil, asJSON: asJSON}
		_, err := w.stream(t.Context())
		w.note("%v; trying again", err)
		got := out.String() + notes.String()
		if err == nil || got != terminal.Lines(got) || strings.Contains(got, "\n42@999") || strings.Count(out.String(), "\n") != 2 {
			t.Errorf("watch (JSON %v): a terminal would obey %q", asJSON, got)
		}
	}
}
