package gateway

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"nudge/fallback"
	"nudge/gateway/auth/jwks"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
	"nudge/version"
)

// metrics are all numbers that operators see. Labels are closed sets, never a project or a user.
type metrics struct {
	registry *prometheus.Registry

	streams  map[string]prometheus.Gauge                     // by kind
	opened   map[string]prometheus.Counter                   // by kind
	closed   map[string]map[stream.Reason]prometheus.Counter // by kind
	refused  *prometheus.CounterVec
	limited  map[string]*atomic.Uint64 // by name of the limit; the map does not change
	requests *prometheus.CounterVec
	panics   prometheus.Counter

	hellos, versions, heartbeats, goodbyes prometheus.Counter

	advances, caused, polls atomic.Uint64 // caused: polls for advances, as far as watchers count
	slow                    atomic.Uint64 // advances that were spread over more than the fast interval

	conflated     prometheus.Counter
	behind        prometheus.Gauge
	flush, spread prometheus.Histogram
	publish       prometheus.Histogram

	reloads       *prometheus.CounterVec
	reloadHealthy prometheus.Gauge
}

func newMetrics(source version.Source, p *pace.Pacer, h *stream.Hub, keys *jwks.Keeper, connections *limits.Connections) *metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	vector := func(name, help, label string, values []string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		r.MustRegister(v)
		for _, value := range values { // so that a graph begins at zero
			v.WithLabelValues(value)
		}
		return v
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		r.MustRegister(g)
		return g
	}
	read := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
	}
	count := func(name, help string, labels prometheus.Labels, f func() uint64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(f()) }))
	}

	m := &metrics{
		registry:  r,
		streams:   map[string]prometheus.Gauge{},
		opened:    map[string]prometheus.Counter{},
		conflated: counter("nudge_conflated_total", "Changes that a newer one of the same project replaced before they were written to all streams of a loop."),
		behind:    gauge("nudge_streams_behind", "Streams whose connection takes no more for now."),
		flush:     newLatency("nudge_flush_seconds", "Time from an advance, taken from the newest versions known, until one loop has written it to all its streams."),
		publish:   newLatency("nudge_publish_seconds", "Time from sent_ms of a message until one loop has written the change to all its streams, by the clocks of publisher and gateway."),
		spread:    newLatency("nudge_spread_seconds", "Time over which the watchers of a project poll for an advance."),
		refused:   vector("nudge_refused_total", "Requests and streams refused, by code.", "code", codes),
		requests:  vector("nudge_requests_total", "Requests, by class of status.", "status", []string{"1xx", "2xx", "3xx", "4xx", "5xx"}),
		panics:    counter("nudge_loop_panics_total", "Stream loops that panicked; the process then exits."),
		reloads: vector("nudge_config_reloads_total", "Reloads of the configuration, by outcome.", "outcome",
			[]string{"applied", "refused"}),
		reloadHealthy: gauge("nudge_config_reload_healthy", "1 if the configuration on disk is the one in force, 0 if it was refused or a part of it needs a restart."),
		closed:        map[string]map[stream.Reason]prometheus.Counter{},
	}
	m.reloadHealthy.Set(1)
	count("nudge_advances_total", "Advances of projects that somebody watches here.", nil, m.advances.Load)
	count("nudge_caused_polls_total", "Polls that advances cause: one for each stream and held poll that watches the project here.", nil, m.caused.Load)
	count("nudge_poll_intervals_total", "Answers of GET /poll-interval.", nil, m.polls.Load)
	r.MustRegister(m.flush, m.publish, m.spread)
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "nudge_streams", Help: "Streams open now, by kind."}, []string{"kind"})
	r.MustRegister(open)
	opened := vector("nudge_streams_opened_total", "Streams opened, by kind.", "kind", nil)
	for _, kind := range streamKinds {
		m.streams[kind], m.opened[kind] = open.WithLabelValues(kind), opened.WithLabelValues(kind)
	}
	m.limited = map[string]*atomic.Uint64{}
	for _, name := range limits.Names() {
		m.limited[name] = new(atomic.Uint64)
		count("nudge_limited_total", "Requests and streams refused for a limit, by limit.", prometheus.Labels{"limit": name}, m.limited[name].Load)
	}
	ends := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nudge_streams_closed_total", Help: "Streams ended, by kind and reason."}, []string{"kind", "reason"})
	r.MustRegister(ends)
	for _, kind := range streamKinds {
		m.closed[kind] = map[stream.Reason]prometheus.Counter{}
		for _, why := range stream.Reasons() {
			m.closed[kind][why] = ends.WithLabelValues(kind, string(why))
		}
	}
	sent := vector("nudge_events_sent_total", "Events written to streams, by name.", "event", nil)
	m.hellos, m.versions = sent.WithLabelValues("hello"), sent.WithLabelValues("version")
	m.heartbeats, m.goodbyes = sent.WithLabelValues("heartbeat"), sent.WithLabelValues("goodbye")

	for _, state := range []fallback.Push{fallback.Healthy, fallback.Degraded, fallback.Down} {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nudge_push_state", Help: "1 for the present push state, 0 for the others.",
			ConstLabels: prometheus.Labels{"state": state.String()},
		}, func() float64 { return truth(p.Verdict().Push == state) }))
	}
	read("nudge_jwks_age_seconds", "Time since the keys of auth.jwks and auth.issuers could last be read, of the source for which that is longest.",
		func() float64 { return keys.Age().Seconds() })
	count("nudge_push_changes_total", "Changes of the push state or its reason.", nil, p.Changes)
	for _, fault := range fallback.Faults() {
		count("nudge_missed_total", "Reports of browsers whose poll found what push had not announced, and other differences, by fault.",
			prometheus.Labels{"kind": string(fault)}, func() uint64 { return p.MissedCount(fault) })
	}
	read("nudge_poll_seconds", "Interval told to browsers with a proven stream.", func() float64 { return p.Now().Poll.Seconds() })
	read("nudge_fast_seconds", "Interval told to all other browsers.", func() float64 { return p.Now().Fast.Seconds() })
	read("nudge_budget_polls_per_second", "Polls per second that the application can take from all browsers together.",
		func() float64 { return p.Pressure().Capacity })
	read("nudge_interval_polls_per_second", "Polls per second that browsers make without news, as far as is known.",
		func() float64 { return p.Pressure().Interval })
	read("nudge_browsers", "Browsers of the whole fleet, as far as is known.", func() float64 { return float64(p.Pressure().Browsers) })
	read("nudge_polling_browsers", "Browsers that poll without a stream, counted by their tokens.",
		func() float64 { return float64(p.Pressure().Polling) })
	read("nudge_backlog_polls", "Polls that news caused and that have not come yet, in the whole fleet.", func() float64 { return p.Pressure().Backlog })
	read("nudge_trust_step", "Step of the trust ramp, 0 to 4.", func() float64 { return float64(p.Pressure().Step) })
	read("nudge_projects", "Projects in use, or used a short time ago.", func() float64 { return float64(h.Projects()) })
	read("nudge_fleet_instances", "Gateways heard through Redis, this one included.", func() float64 { return float64(p.FleetSize().Instances) })
	read("nudge_fleet_streams", "Streams open now on all gateways.", func() float64 { return float64(p.FleetSize().Streams) })
	read("nudge_fleet_lost_streams", "Streams of gateways that vanished, not seen again yet.", func() float64 { return float64(p.FleetSize().Lost) })
	count("nudge_source_messages_total", "Messages received from publishers.", nil, func() uint64 { return source.Stats().Messages })
	count("nudge_source_malformed_total", "Messages that could not be read and were ignored.", nil, func() uint64 { return source.Stats().Malformed })
	count("nudge_source_closed_total", "Times that Redis closed a subscription that worked: it was stopped, or a message was larger than its client-output-buffer-limit.", nil, func() uint64 { return source.Stats().Closed })
	count("nudge_source_gaps_total", "Times that the subscription to Redis broke.", nil, func() uint64 { return source.Stats().Gaps })
	if connections != nil {
		read("nudge_connections", "Connections open now, with and without streams.",
			func() float64 { return float64(connections.Count().Open) })
		read("nudge_connection_places", "Connections that may be open at once.",
			func() float64 { return float64(connections.Count().Places) })
		count("nudge_connections_refused_total", "Connections closed at once, because their address had too many.", nil,
			func() uint64 { return connections.Count().Refused })
	}
	return m
}

// published notes how long a change was on its way from its publisher. One clock may be ahead of the other. More than an hour
// is a mistake, such as seconds for milliseconds.
func (m *metrics) published(took time.Duration) {
	if took < time.Hour && took > -time.Hour {
		m.publish.Observe(max(0, took).Seconds())
	}
}

// streamKinds are the values of the label kind.
var streamKinds = []string{"goroutine", "parked"}

func kindName(parked bool) string {
	if parked {
		return streamKinds[1]
	}
	return streamKinds[0]
}

// newLatency makes a histogram: a native one, and a few classic buckets for who scrapes as text.
func newLatency(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: []float64{0.001, 0.01, 0.1, 1, 10},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
	})
}

// more registers what needs the whole gateway.
func (m *metrics) more(g *Gateway, probes prometheus.Histogram) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "nudge_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": g.opt.Version, "goversion": runtime.Version()},
	})
	info.Set(1)
	m.registry.MustRegister(probes, info, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "nudge_loop_lag_seconds", Help: "How late the slowest loop is; measured every 2 s at least.",
	}, func() float64 { return time.Duration(g.late.Load()).Seconds() }))
	for kind, count := range map[string]func(version.Repairs) uint64{
		"routine": func(r version.Repairs) uint64 { return r.Routine }, "gap": func(r version.Repairs) uint64 { return r.Gap },
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "nudge_repaired_total", Help: "Versions that no message brought, and a read of Redis did, by kind of read.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 { return float64(count(g.board.Repairs())) }))
	}
	for _, state := range []fallback.Push{fallback.Healthy, fallback.Degraded, fallback.Down} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "nudge_push_state_seconds_total", Help: "Time spent in each push state.",
			ConstLabels: prometheus.Labels{"state": state.String()},
		}, func() float64 { return g.pace.TimeIn(state).Seconds() }))
	}
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "nudge_polls_saved_total",
		Help: "Polls that the streams of this gateway did not make, by model: each polls once in poll instead of once in fast. Polls for news are not taken off.",
	}, g.pace.Saved))
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
