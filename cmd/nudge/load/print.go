package load

import (
	"fmt"
	"io"
	"strings"

	"nudge/internal/quantity"
)

// Print writes the result for people.
func (r *Result) Print(w io.Writer) error {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-24s"+format+"\n", append([]any{name}, args...)...)
	}
	row("plan", "%s on %s%s of %s", quantity.Of(r.Plan.Streams, "stream"), quantity.Of(r.Plan.Projects, "project"), several(r.Plan.PerStream), strings.Join(r.Plan.Gateways, ", "))
	if r.Interrupted {
		row("", "interrupted after %s: these are the figures so far", rounded(r.TookS))
	}
	r.Connect.print(row, "connected")
	r.Reconnect.print(row, "reconnected at once")
	if p := r.Publish; p != nil {
		row("published", "%s in %s, %.4g/s%s", quantity.Of(p.Advances, "advance"), rounded(p.TookS), p.PerSecond, unless(p.Failed, "failed"))
		row("  publish call", "%v", p.CallMS)
	}
	if d := r.Deliver; d != nil {
		row("delivered", "%s in %s, %s/s%s%s", quantity.Number(d.Delivered), rounded(d.TookS), quantity.Number(d.PerSecond),
			unless(d.Skipped, "skipped for newer ones"), each(d.ServerCPU))
		if d.LatencyMS != nil {
			row("  publish to read", "%v", d.LatencyMS)
		}
		if d.AllMS != nil {
			row("  publish to last read", "%v", d.AllMS)
		}
	}
	r.Streams.print(row, r.Deliver != nil)
	r.Server.print(row)
	row("readers", "%s of CPU, processes: %d, at work while publishing: %.0f %%", rounded(r.Readers.CPUS), r.Plan.Workers, 100*r.Readers.Busy)
	if len(r.Problems) > 0 {
		b.WriteString("\nproblems\n")
	}
	for _, p := range r.Problems {
		b.WriteString("- " + p + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// row writes a line of the table.
type row func(name, format string, args ...any)

func (o *Opening) print(row row, name string) {
	if o == nil {
		return
	}
	row(name, "%s in %s, %s/s%s%s%s", quantity.Of(o.Opened, "stream"), rounded(o.TookS), quantity.Number(o.PerSecond),
		unless(sum(o.Refused), "refused"), unless(sum(o.Failed), "failed"), each(o.ServerCPU))
	if o.LatencyMS != nil {
		row("  connect to hello", "%v", o.LatencyMS)
	}
}

func (s Streams) print(row row, published bool) {
	lost := ""
	if published {
		lost = ", " + quantity.Number(s.Lost) + " lost"
	}
	row("streams", "%s open%s, %s closed%s, %s", quantity.Number(s.Open), lost, quantity.Number(sum(s.Closed)), unless(s.Reopened, "reopened"), quantity.Of(s.Heartbeats, "heartbeat"))
}

func (s Server) print(row row) {
	if s.BytesPerStream != nil {
		row("gateway's memory", "%s bytes per stream (Pss from %s to %s, processes %s)",
			quantity.Number(*s.BytesPerStream), size(s.PssBefore), size(s.PssAfter), strings.Trim(fmt.Sprint(s.PIDs), "[]"))
		if *s.BytesPerStream < 0 {
			row("", "less than before, since it held more streams earlier; restart it to measure its memory")
		}
	}
	if s.SocketBytes != nil {
		row("TCP buffers", "%s more in the kernel, for the whole machine; over loopback that is both ends", size(*s.SocketBytes))
	}
	if s.CPUS > 0 {
		row("gateway's CPU", "%s", rounded(s.CPUS))
	}
	if s.Why != "" {
		row("gateway", "not measured: %s", s.Why)
	}
}

// String is a line for people, of milliseconds.
func (l *Latency) String() string {
	if l == nil {
		return "none"
	}
	return fmt.Sprintf("p50 %s   p90 %s   p99 %s   p99.9 %s   max %s ms", digits(l.P50), digits(l.P90), digits(l.P99), digits(l.P999), digits(l.Max))
}

// rounded is a duration for people, with three digits that count.
func rounded(seconds float64) string {
	if seconds >= 1 {
		return digits(seconds) + " s"
	}
	return digits(seconds*1000) + " ms"
}

// digits writes a number with three that count.
func digits(n float64) string {
	switch {
	case n >= 100:
		return quantity.Number(n)
	case n >= 10:
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.2f", n)
}

func several(perStream int) string {
	if perStream == 1 {
		return ""
	}
	return fmt.Sprintf(" (%d each)", perStream)
}

func unless(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %s %s", quantity.Number(n), what)
}

func each(cpu float64) string {
	if cpu == 0 {
		return ""
	}
	return fmt.Sprintf("; %s µs of the gateway's CPU each", digits(cpu))
}

func size(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
