package gateway

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
)

// metrics are all numbers that operators see. Labels are closed sets, never a project or a user.
type metrics struct {
	registry *prometheus.Registry

	streams  [limits.Kinds]prometheus.Gauge
	held     prometheus.Gauge // polls, which take the place of a stream
	opened   [limits.Kinds]prometheus.Counter
	closed   [limits.Kinds]map[stream.Reason]prometheus.Counter
	refused  *prometheus.CounterVec
	limited  map[string]*atomic.Uint64 // by name of the limit; the map does not change
	requests *prometheus.CounterVec
	panics   prometheus.Counter

	hellos, versions, heartbeats, goodbyes prometheus.Counter

	advances, caused, polls atomic.Uint64 // caused: polls for advances, as far as watchers count
	slow                    atomic.Uint64 // advances that were spread over more than the fast interval

	conflated                      prometheus.Counter
	behind                         prometheus.Gauge
	flush, spread, publish, probes prometheus.Histogram

	reloads       *prometheus.CounterVec
	reloadHealthy prometheus.Gauge
}

func newMetrics(g *Gateway) *metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	auto := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return auto.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vector := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := auto.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		for _, value := range values { // so that a graph begins at zero
			v.WithLabelValues(value)
		}
		return v
	}
	gauge := func(name, help string) prometheus.Gauge {
		return auto.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	// A native histogram, and a few classic buckets for who scrapes as text.
	latency := func(name, help string) prometheus.Histogram {
		return auto.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: []float64{0.001, 0.01, 0.1, 1, 10},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		})
	}
	read := func(name, help string, labels prometheus.Labels, f func() float64) {
		auto.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, f)
	}
	total := func(name, help string, labels prometheus.Labels, f func() float64) {
		auto.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, f)
	}
	count := func(name, help string, labels prometheus.Labels, f func() uint64) {
		total(name, help, labels, func() float64 { return float64(f()) })
	}

	m := &metrics{
		registry: r, limited: map[string]*atomic.Uint64{},
		conflated: counter("nudge_conflated_total", "Changes that a newer one of the same project replaced before they were written to all streams of a loop."),
		behind:    gauge("nudge_streams_behind", "Streams whose connection takes no more for now."),
		flush:     latency("nudge_flush_seconds", "Time from an advance, taken from the newest versions known, until one loop has written it to all its streams."),
		publish:   latency("nudge_publish_seconds", "Time from sent_ms of a message until one loop has written the change to all its streams, by the clocks of publisher and gateway."),
		spread:    latency("nudge_spread_seconds", "Time over which the watchers of a project poll for an advance."),
		probes:    latency("nudge_probe_seconds", "Round trip of probes through the source, in seconds."),
		refused:   vector("nudge_refused_total", "Requests and streams refused, by code.", "code", codes...),
		requests:  vector("nudge_requests_total", "Requests, by class of status.", "status", "1xx", "2xx", "3xx", "4xx", "5xx"),
		panics:    counter("nudge_loop_panics_total", "Stream loops that panicked; the process then exits."),
		reloads:   vector("nudge_config_reloads_total", "Reloads of the configuration, by outcome.", "outcome", "applied", "refused"),

		reloadHealthy: gauge("nudge_config_reload_healthy", "1 if the configuration on disk is the one in force, 0 if it was refused or a part of it needs a restart."),
	}
	m.reloadHealthy.Set(1)
	count("nudge_advances_total", "Advances of projects that somebody watches here.", nil, m.advances.Load)
	count("nudge_caused_polls_total", "Polls that advances cause: one for each stream and held poll that watches the project here.", nil, m.caused.Load)
	count("nudge_poll_intervals_total", "Answers of GET /poll-interval.", nil, m.polls.Load)
	for _, name := range limits.Names() {
		m.limited[name] = new(atomic.Uint64)
		count("nudge_limited_total", "Requests and streams refused for a limit, by limit.", prometheus.Labels{"limit": name}, m.limited[name].Load)
	}

	open := auto.NewGaugeVec(prometheus.GaugeOpts{Name: "nudge_streams", Help: "Streams open now, by kind; kind held: polls that wait for news."}, []string{"kind"})
	m.held = open.WithLabelValues("held")
	opened := vector("nudge_streams_opened_total", "Streams opened, by kind.", "kind")
	closed := auto.NewCounterVec(prometheus.CounterOpts{Name: "nudge_streams_closed_total", Help: "Streams ended, by kind and reason."}, []string{"kind", "reason"})
	for kind := range limits.Kinds {
		m.streams[kind], m.opened[kind] = open.WithLabelValues(kind.String()), opened.WithLabelValues(kind.String())
		m.closed[kind] = map[stream.Reason]prometheus.Counter{}
		for _, why := range stream.Reasons() {
			m.closed[kind][why] = closed.WithLabelValues(kind.String(), string(why))
		}
	}
	sent := vector("nudge_events_sent_total", "Events written to streams, by name.", "event")
	m.hellos, m.versions = sent.WithLabelValues("hello"), sent.WithLabelValues("version")
	m.heartbeats, m.goodbyes = sent.WithLabelValues("heartbeat"), sent.WithLabelValues("goodbye")

	p, source := g.pace, g.source
	for _, state := range []fallback.Push{fallback.Healthy, fallback.Degraded, fallback.Down} {
		labels := prometheus.Labels{"state": state.String()}
		read("nudge_push_state", "1 for the present push state, 0 for the others.", labels,
			func() float64 { return truth(p.Verdict().Push == state) })
		total("nudge_push_state_seconds_total", "Time spent in each push state.", labels,
			func() float64 { return p.TimeIn(state).Seconds() })
	}
	read("nudge_jwks_age_seconds", "Time since the keys of auth.jwks and auth.issuers could last be read, of the source for which that is longest.",
		nil, func() float64 { return g.keys.Age().Seconds() })
	count("nudge_push_changes_total", "Changes of the push state or its reason.", nil, p.Changes)
	for _, fault := range fallback.Faults() {
		count("nudge_missed_total", "Reports of browsers whose poll found what push had not announced, and other differences, by fault.",
			prometheus.Labels{"kind": string(fault)}, func() uint64 { return p.MissedCount(fault) })
	}
	total("nudge_polls_saved_total",
		"Polls that the streams of this gateway did not make, by model: each polls once in poll instead of once in fast. Polls for news are not taken off.", nil, p.Saved)
	read("nudge_poll_seconds", "Interval told to browsers with a proven stream.", nil, func() float64 { return p.Now().Poll.Seconds() })
	read("nudge_fast_seconds", "Interval told to all other browsers.", nil, func() float64 { return p.Now().Fast.Seconds() })
	read("nudge_budget_polls_per_second", "Polls per second that the application can take from all browsers together.", nil,
		func() float64 { return p.Pressure().Capacity })
	read("nudge_interval_polls_per_second", "Polls per second that browsers make without news, as far as is known.", nil,
		func() float64 { return p.Pressure().Interval })
	read("nudge_browsers", "Browsers of the whole fleet, as far as is known.", nil, func() float64 { return float64(p.Pressure().Browsers) })
	read("nudge_polling_browsers", "Browsers that poll without a stream, counted by their tokens.", nil,
		func() float64 { return float64(p.Pressure().Polling) })
	read("nudge_backlog_polls", "Polls that news caused and that have not come yet, in the whole fleet.", nil, func() float64 { return p.Pressure().Backlog })
	read("nudge_trust_step", "Step of the trust ramp, 0 to 4.", nil, func() float64 { return float64(p.Pressure().Step) })
	read("nudge_projects", "Projects in use, or used a short time ago.", nil, func() float64 { return float64(g.hub.Projects()) })
	read("nudge_fleet_instances", "Gateways heard through Redis, this one included.", nil, func() float64 { return float64(p.FleetSize().Instances) })
	read("nudge_fleet_streams", "Streams open now on all gateways.", nil, func() float64 { return float64(p.FleetSize().Streams) })
	read("nudge_fleet_lost_streams", "Streams of gateways that vanished, not seen again yet.", nil, func() float64 { return float64(p.FleetSize().Lost) })
	read("nudge_loop_lag_seconds", "How late the slowest loop is; measured every 2 s at least.", nil,
		func() float64 { return time.Duration(g.late.Load()).Seconds() })
	count("nudge_source_messages_total", "Messages received from publishers.", nil, func() uint64 { return source.Stats().Messages })
	count("nudge_source_malformed_total", "Messages that could not be read and were ignored.", nil, func() uint64 { return source.Stats().Malformed })
	count("nudge_source_closed_total", "Times that Redis closed a subscription that worked: it was stopped, or a message was larger than its client-output-buffer-limit.", nil, func() uint64 { return source.Stats().Closed })
	count("nudge_source_gaps_total", "Times that the subscription to Redis broke.", nil, func() uint64 { return source.Stats().Gaps })
	const repaired = "Versions that no message brought, and a read of Redis did, by kind of read."
	count("nudge_repaired_total", repaired, prometheus.Labels{"kind": "routine"}, func() uint64 { return g.board.Repairs().Routine })
	count("nudge_repaired_total", repaired, prometheus.Labels{"kind": "gap"}, func() uint64 { return g.board.Repairs().Gap })
	if c := g.opt.Connections; c != nil {
		read("nudge_connections", "Connections open now, with and without streams.", nil, func() float64 { return float64(c.Count().Open) })
		read("nudge_connection_places", "Connections that may be open at once.", nil, func() float64 { return float64(c.Count().Places) })
		count("nudge_connections_refused_total", "Connections closed at once, because their address had too many.", nil,
			func() uint64 { return c.Count().Refused })
	}
	read("nudge_build_info", "Always 1; the labels say what runs.",
		prometheus.Labels{"version": g.opt.Version, "goversion": runtime.Version()}, func() float64 { return 1 })
	return m
}

// published notes how long a change was on its way from its publisher. One clock may be ahead of the other. More than an hour
// is a mistake, such as seconds for milliseconds.
func (m *metrics) published(took time.Duration) {
	if took < time.Hour && took > -time.Hour {
		m.publish.Observe(max(0, took).Seconds())
	}
}

// limitCounts returns how many requests each limit has refused; none without any.
func (m *metrics) limitCounts() map[string]uint64 {
	counts := map[string]uint64{}
	for name, n := range m.limited {
		if n := n.Load(); n > 0 {
			counts[name] = n
		}
	}
	return counts
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// sent counts events that a loop has sent.
func (m *metrics) sent(n loop.Counts) {
	m.hellos.Add(float64(n.Hellos))
	m.versions.Add(float64(n.Versions))
	m.heartbeats.Add(float64(n.Heartbeats))
	m.goodbyes.Add(float64(n.Goodbyes))
	m.conflated.Add(float64(n.Conflated))
	m.behind.Add(float64(n.Behind))
}
