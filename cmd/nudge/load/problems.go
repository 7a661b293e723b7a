package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"nudge/cmd/nudge/load/sse"
	"nudge/internal/quantity"
)

// problems are what went wrong in a run, each with what to do next.
func problems(r *Result) []string {
	list := []string{}
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if o := r.Connect; o != nil {
		list = append(list, o.problems(r)...)
	}
	if o := r.Reconnect; o != nil {
		for _, p := range o.problems(r) {
			add("reconnecting: %s", p)
		}
	}
	if p := r.Publish; p != nil {
		if p.Failed > 0 {
			add("%s could not be published: %v", quantity.Of(p.Failed, "advance"), p.failure)
		}
		if p.Stale > 0 {
			add("Redis refused %s, since it had stored a version as new: somebody else publishes to %s*, or the clock was set back; choose another --prefix",
				quantity.Of(p.Stale, "advance"), r.Plan.Prefix)
		}
		if p.Dropped > 0 {
			add("the window went on without %s that did not reach all watchers in time; see lost and closed streams, or raise --grace",
				quantity.Of(p.Dropped, "advance"))
		}
		if p.LateMS > 100 {
			add("the publisher was up to %.0f ms late: Redis, the gateway or this machine takes no %v advances per second; lower --rate", p.LateMS, r.Plan.Rate)
		}
	}
	s := r.Streams
	if s.Kept > 0 {
		add("%s times a hello listed a project as denied or off: the token must cover %s* (nudge token --subscribe '%[2]s*'), and push must be on for it",
			quantity.Number(s.Kept), r.Plan.Prefix)
	}
	if s.Lost > 0 {
		advice := "raise --grace if they were only slow; see the gateway's log"
		if len(r.Plan.Gateways) > 1 {
			advice += ", and whether all gateways share one Redis"
		}
		add("%s streams are not on the newest version of each of their projects; %s", quantity.Number(s.Lost), advice)
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Closed)) {
		add("%s", closedBy(reason, s.Closed[reason]))
	}
	if r.Readers.Busy > 0.9 {
		add("the reading processes were at work %.0f %% of the time, so the latencies are theirs as well; read on another machine, or add --workers if there are more CPUs",
			100*r.Readers.Busy)
	}
	return list
}

// problems are what went wrong while streams opened.
func (o *Opening) problems(r *Result) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(o.Refused)) {
		text := fmt.Sprintf("%s were refused (%s)", quantity.Of(o.Refused[key], "stream"), key)
		if detail := o.details[key]; detail != "" {
			text += fmt.Sprintf(", %q", detail)
		}
		list = append(list, text+": "+refusedFor(key, r))
	}
	for _, key := range slices.Sorted(maps.Keys(o.Failed)) {
		list = append(list, fmt.Sprintf("%s failed (%s): %s", quantity.Of(o.Failed[key], "stream"), key, failedFor(key)))
	}
	return list
}

// refusedFor says what to do about a refusal. The time to come back tells the limits of a gateway apart.
func refusedFor(key string, r *Result) string {
	what, wait, _ := strings.Cut(key, "/")
	const (
		full       = "the gateway is full; raise limits.streams or its limit of open files (ulimit -n: one for each stream, and 512 more)"
		own        = "raise limits.streams_per_subject, limits.connects_per_subject or limits.streams_per_address, or leave out --one-subject"
		tooFast    = "raise limits.connects_per_second, or lower --inflight"
		allLimits  = "raise limits.streams, limits.connects_per_second, limits.streams_per_subject or limits.streams_per_address"
		unfamiliar = "see the gateway's log"
	)
	switch what {
	case "401":
		return "the gateway refuses the token; set NUDGE_AUTH_SECRET to the gateway's secret, or give a token with --token or NUDGE_TOKEN"
	case "403":
		return fmt.Sprintf("the token must cover %s*; sign one with nudge token --subscribe '%[1]s*'", r.Plan.Prefix)
	case "404":
		return "there is no /events; write the gateway's base_path into --gateway"
	case "400":
		return "lower --projects-per-stream to limits.projects_per_stream"
	case "204", "off":
		return "push is off; see nudge push status, and push in the gateway's configuration"
	case "drain":
		return "the gateway is being stopped; wait until it is back"
	case "503", "429", "overload":
	default:
		return unfamiliar
	}
	switch wait {
	case "1s":
		return "the gateway is being stopped; wait until it is back"
	case "5s":
		return tooFast
	case "10s":
		if n := r.Server.FileLimit; n > 0 && n < int64(r.Plan.Streams) {
			return fmt.Sprintf("%s; it may open %s files", full, quantity.Number(n))
		}
		return full
	case "30s":
		return own
	}
	return allLimits
}

// failedFor says what to do about a stream that failed without an answer.
func failedFor(key string) string {
	switch {
	case strings.Contains(key, "too many open files"):
		return "this machine's limit of open files is reached; raise it (sysctl fs.file-max)"
	case strings.Contains(key, "cannot assign requested address"):
		return "the ports to connect from are used up; wait a minute, or name more local addresses with --source"
	case key == sse.ErrSilent.Error():
		return "raise --connect-timeout, lower --inflight, or check whether the gateway is overloaded"
	case strings.Contains(key, "connection refused"):
		return "nothing listens at this address any more; check that the gateway still runs"
	}
	return "see the gateway's log; a lower --inflight may help"
}

// closedBy says what it means that streams ended.
func closedBy(reason string, n int64) string {
	text := fmt.Sprintf("%s were closed (%s)", quantity.Of(n, "stream"), reason)
	switch reason {
	case "drain":
		return text + ": the gateway was stopped"
	case "rotate":
		return text + ": limits.stream_age; raise it, or let them come back with --reopen"
	case "expired":
		return text + ": their token expired; give one with a longer life"
	case "off", "revoked":
		return text + ": push was switched off, or the token revoked"
	case "overload":
		return text + ": a limit of the gateway was lowered, or reached"
	case "end":
		return text + " without a goodbye: the gateway died, or a proxy on the way has a time-out below the heartbeat"
	}
	return text + ": see the gateway's log"
}
