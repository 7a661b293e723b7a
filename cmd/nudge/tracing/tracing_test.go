package tracing

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"nudge/version"
)

const fromPublisher = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// through takes a publication through a gateway.
func through(t *testing.T, tracer *Tracer, failed error) (carried, page version.Trace) {
	t.Helper()
	p, err := version.ParseProject("42")
	if err != nil {
		t.Fatal(err)
	}
	carried, end := tracer.Publish(p, version.ParseTrace(fromPublisher))
	end(failed)
	page, delivered := tracer.Received(version.Change{Project: p, State: version.State{Version: 7}, Extras: &version.News{Trace: carried}})
	delivered()
	return carried, page
}

// The spans belong to the trace of the publisher: receive is below publish, and deliver below receive.
func TestSpans(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracer, _ := newTracer(sdktrace.WithSpanProcessor(spans))
	carried, page := through(t, tracer, errors.New("no"))
	above := "b7ad6b7169203331"
	ended := spans.Ended()
	for i, want := range []string{"nudge.publish", "nudge.receive", "nudge.deliver"} {
		if len(ended) != 3 {
			t.Fatalf("%d spans", len(ended))
		}
		s := ended[i]
		if s.Name() != want || s.SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || s.Parent().SpanID().String() != above {
			t.Errorf("%s of %v below %v; want %s below %s", s.Name(), s.SpanContext().TraceID(), s.Parent().SpanID(), want, above)
		}
		above = s.SpanContext().SpanID().String()
	}
	if id := ended[0].SpanContext().SpanID().String(); !strings.Contains(string(carried), id) {
		t.Errorf("the message carries %s, not %s", carried, id)
	}
	if id := ended[1].SpanContext().SpanID().String(); !strings.Contains(string(page), id) {
		t.Errorf("pages get %s, not %s", page, id)
	}
}

// The spans reach a collector; without the variable there is no tracer.
func TestFromEnvironment(t *testing.T) {
	got := make(chan []byte, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(body)
		}
		text, _ := io.ReadAll(body)
		got <- append([]byte(r.URL.Path), text...)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	log := slog.New(slog.DiscardHandler)
	if tracer, _, err := FromEnvironment(t.Context(), "1", "i", log); tracer != nil || err != nil {
		t.Errorf("%v, %v", tracer, err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracer, flush, err := FromEnvironment(t.Context(), "1", "instance-7", log)
	if err != nil {
		t.Fatal(err)
	}
	through(t, tracer, nil)
	flush()
	sent := <-got
	for _, want := range []string{"/v1/traces", "nudge.publish", "nudge.receive", "nudge.deliver", "instance-7"} {
		if !bytes.Contains(sent, []byte(want)) {
			t.Errorf("the collector got no %q", want)
		}
	}
}

// A collector that is away is said once a minute.
func TestErrorsAreFew(t *testing.T) {
	var text strings.Builder
	l := &errorLog{log: slog.New(slog.NewTextHandler(&text, nil))}
	for range 10 {
		l.Handle(errors.New("connection refused"))
	}
	if n := strings.Count(text.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, text.String())
	}
}
