package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// nudge status --watch goes on while the gateway is away, says so once, and shows it again when it is back.
func TestStatusFollows(t *testing.T) {
	var state atomic.Int32 // what the gateway does
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch state.Load() {
		case 0:
			io.WriteString(w, answered)
		case 1: // as a gateway that died
			hijacked, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				hijacked.Close()
			}
		case 2: // as a proxy in front of it
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(gateway.Close)
	base, err := url.Parse(gateway.URL)
	must(t, err)
	for _, asJSON := range []bool{false, true} {
		var out, notes strings.Builder
		f := newStatusFollower(base, time.Second, false, asJSON, &out, &notes)
		for _, what := range []int32{1, 0, 1, 1, 2, 2, 0} {
			state.Store(what)
			must(t, f.once(t.Context()))
		}
		pages := strings.Count(out.String(), "gw-1 (0a7c8c5f), nudge 0.1.0")
		if asJSON {
			pages = strings.Count(out.String(), "\n")
		}
		if pages != 2 {
			t.Errorf("JSON %v: %d pages in %s", asJSON, pages, out.String())
		}
		if n := strings.Count(notes.String(), "no answer: "); n != 3 || !strings.Contains(notes.String(), "502") {
			t.Errorf("JSON %v: the outages are noted %d times: %s", asJSON, n, notes.String())
		}
	}
}

// What is no gateway at all ends it at once: the URL is wrong.
func TestStatusFollowsGatewaysOnly(t *testing.T) {
	public := opsAnswer(t, 404, "{}")
	exit, out, errs := nudge("status", "--watch", "--ops", public.URL)
	if exit != exitFailed || out != "" || !strings.Contains(errs, "name the operators' listener") {
		t.Errorf("exit %d, %q, %q", exit, out, errs)
	}
	for _, args := range [][]string{{"--watch", "--interval", "1ms"}, {"--interval", "1s"}} {
		if exit, _, errs := nudge(append([]string{"status", "--ops", public.URL}, args...)...); exit != exitUsage || !strings.Contains(errs, "--interval") {
			t.Errorf("%v: exit %d, %s", args, exit, errs)
		}
	}
}

func TestStatusFollowsUntilInterrupted(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "status", "--watch", "--ops", opsAnswer(t, 200, answered).URL)
	p.stdout.until(t, 0, "VANISHED")
	must(t, p.cmd.Process.Signal(syscall.SIGINT))
	if code := p.exit(); code != 0 {
		t.Errorf("exit %d: %s", code, p.stderr)
	}
}
