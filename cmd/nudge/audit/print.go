package audit

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"nudge/cmd/nudge/terminal"
	"nudge/internal/quantity"
)

// Print writes the report as text.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	for _, l := range r.Logs {
		fmt.Fprintf(&b, "%s: %s, %s", terminal.Printable(l.Name), l.Format, quantity.Of(l.Lines, "line"))
		if l.Unread > 0 {
			fmt.Fprintf(&b, "; not of this format: %s, the first is line %d", quantity.Of(l.Unread, "line"), l.FirstUnread)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s in %s, %s to %s UTC\n", quantity.Of(r.Requests, "request"), r.To.Sub(r.From).Round(time.Second), r.From.Format("2 Jan 2006 15:04:05"), r.To.Format("2 Jan 15:04:05"))
	b.WriteByte('\n')
	if len(r.Polled) == 0 {
		b.WriteString("Nothing polls: no path is asked for by one client at a steady rhythm, " + fmt.Sprint(leastGaps+1) + " times or more.\n")
		if hint := r.blind(); hint != "" {
			b.WriteString(hint + "\n")
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "every\tpolls\tpages at a time\tpolls/s\tpeak\tempty\tMB\t  polled path")
	for _, f := range r.Polled {
		fmt.Fprintf(t, "%s\t%s\t%.1f\t%s\t%d\t%s\t%.1f\t  %s\n",
			seconds(f.Every), quantity.Number(f.Polls), f.Pages, short(f.Rate), f.Peak, f.empty(), float64(f.Bytes)/1e6, terminal.Printable(f.Path))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	o := r.Outlook
	fmt.Fprintf(&b, "\nWith Nudge %.0f %% of these polls are not made:\n\n", 100*o.Saved)
	t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tpolls/s\tpeak\tchanges are seen after: half\t99 %\t")
	for _, l := range []struct {
		name string
		Load
	}{{"now", o.Now}, {"with Nudge", o.With}} {
		half, most := seconds(l.Half), seconds(l.Most)
		if o.Advances == 0 && l.name != "now" { // nothing was simulated that could be seen late
			half, most = "-", "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t\n", l.name, short(l.Rate), l.Peak, half, most)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	b.WriteByte('\n')
	for _, line := range r.Sure() {
		b.WriteString("- " + line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Sure says how sure each figure is, and why.
func (r *Report) Sure() []string {
	var lines []string
	if r.Outlook == nil {
		return nil
	}
	o := r.Outlook
	lines = append(lines,
		"Polls are measured: requests of one client for one thing, at a steady rhythm. A client is an address and a user agent.",
		"Empty, the first figure, is certain: 304 and 204. The second adds answers as long as the one before, which is likely, not certain.",
		fmt.Sprintf("What Nudge saves is simulated with the real controller: %s, %s, %s changes a second, poll.fast %s, poll.slow %s.",
			quantity.Of(o.Pages, "page"), quantity.Of(o.Projects, "project"), short(o.Advances), seconds(o.Fast), seconds(o.Slow)),
		"How late changes are seen now follows from the interval; with Nudge it is simulated. Neither counts what your application needs to answer.",
	)
	if r.OneOf > 1 {
		lines = append(lines, fmt.Sprintf("There are too many clients to follow them all: one of %d was followed, and its figures multiplied. Peaks and requests count all.", r.OneOf))
	}
	if r.To.Sub(r.From) < time.Hour {
		lines = append(lines, "The logs cover less than an hour. A whole day shows quiet and busy hours.")
	}
	certain, likely, polls := 0.0, 0.0, 0.0
	for _, f := range r.Polled {
		certain += f.Certain * float64(f.Polls)
		likely += f.Likely * float64(f.Polls)
		polls += float64(f.Polls)
	}
	if likely/polls < 0.2 && certain/polls < 0.2 {
		lines = append(lines, "Hardly any answer is empty. Either things change all the time, or answers differ in length though nothing is new (a time, a random value): then Nudge saves more than this.")
	}
	if hint := r.blind(); hint != "" {
		lines = append(lines, hint)
	}
	return lines
}

// blind says what the lines lack.
func (r *Report) blind() string {
	switch {
	case 2*r.WithoutClient > r.Requests:
		return "Most lines name no client. With lograge, add remote_ip to config.lograge.custom_payload."
	case 2*r.WithoutAgent > r.Requests:
		return "Most lines name no user agent, so browsers behind one address look like one. Log the user agent, and read again."
	}
	return ""
}

// empty is the share of empty answers, as "91 to 96 %".
func (f Finding) empty() string {
	low, high := math.Round(100*min(f.Certain, f.Likely)), math.Round(100*f.Likely)
	if low == high {
		return fmt.Sprintf("%.0f %%", high)
	}
	return fmt.Sprintf("%.0f to %.0f %%", low, high)
}

// seconds writes a duration as people say it.
func seconds(s float64) string {
	switch {
	case s < 1:
		return fmt.Sprintf("%.0f ms", 1000*s)
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%.0f s", s)
}

// short writes a rate with as many digits as mean something.
func short(f float64) string {
	if f >= 10 {
		return quantity.Number(f)
	}
	return fmt.Sprintf("%.2g", f)
}
