// Package tracing records what a gateway does in the traces of publishers, and sends it by OTLP over HTTP.
package tracing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"nudge/version"
)

// flushTime is how long a gateway that ends tries to send its last spans.
const flushTime = 3 * time.Second

// Tracer is a gateway.Tracer. It records spans only in traces that their publisher records: it begins none.
type Tracer struct{ tracer trace.Tracer }

// FromEnvironment returns a tracer as the variables of OpenTelemetry say; nil if OTEL_EXPORTER_OTLP_ENDPOINT and
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT are not set. The caller must call flush at the end.
func FromEnvironment(ctx context.Context, release, instance string, log *slog.Logger) (t *Tracer, flush func(), err error) {
	if cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) == "" || os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return nil, func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("start tracing: %w; correct the variables OTEL_EXPORTER_OTLP_*", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "nudge"), attribute.String("service.version", release), attribute.String("service.instance.id", instance),
	), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("start tracing: %w; correct OTEL_RESOURCE_ATTRIBUTES", err)
	}
	otel.SetErrorHandler(&errorLog{log: log})
	t, provider := newTracer(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	log.Info("traces of publishers are recorded, and sent by OTLP over HTTP")
	return t, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		_ = provider.Shutdown(ctx) // the error handler has it
	}, nil
}

func newTracer(options ...sdktrace.TracerProviderOption) (*Tracer, *sdktrace.TracerProvider) {
	options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
	provider := sdktrace.NewTracerProvider(options...)
	return &Tracer{provider.Tracer("nudge")}, provider
}

// Publish begins the span of a publication over HTTP.
func (t *Tracer) Publish(p version.Project, above version.Trace) (carried version.Trace, end func(error)) {
	ctx, span := t.tracer.Start(within(above), "nudge.publish", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(project(p)))
	return traceOf(ctx), func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "it could not be published")
		}
		span.End()
	}
}

// Received records that a change arrived, and when it was written to the streams of each loop. What pages do for it is below that.
func (t *Tracer) Received(c version.Change) (page version.Trace, delivered func()) {
	above := trace.WithAttributes(project(c.Project), attribute.Int64("nudge.version", int64(c.Version)))
	ctx, span := t.tracer.Start(within(c.Extras.Trace), "nudge.receive", trace.WithSpanKind(trace.SpanKindConsumer), above)
	span.End()
	received := time.Now()
	return traceOf(ctx), func() {
		_, span := t.tracer.Start(ctx, "nudge.deliver", trace.WithTimestamp(received), above)
		span.End()
	}
}

func project(p version.Project) attribute.KeyValue {
	return attribute.String("nudge.project", p.String())
}

// within returns a context in which spans belong to a trace.
func within(t version.Trace) context.Context {
	return propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": string(t)})
}

// traceOf is the opposite of within.
func traceOf(ctx context.Context) version.Trace {
	h := propagation.HeaderCarrier(http.Header{})
	propagation.TraceContext{}.Inject(ctx, h)
	return version.ParseTrace(h.Get("traceparent"))
}

// errorLog logs at most one error a minute: while the collector is away, each batch fails.
type errorLog struct {
	log *slog.Logger

	mu   sync.Mutex
	next time.Time
}

// Handle logs err.
func (l *errorLog) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.After(l.next) {
		l.next = now.Add(time.Minute)
		l.log.Info("traces could not be sent; check that a collector takes OTLP over HTTP at OTEL_EXPORTER_OTLP_ENDPOINT", "error", err)
	}
}
