package simulate

import (
	"fmt"
	"io"
	"text/tabwriter"

	"nudge/internal/quantity"
)

// Print writes the result for people.
func (r *Result) Print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(to, "%s: %s (%d awake at the end), %s, %s, %g h, seed %d\n", r.Script, quantity.Of(r.Browsers, "browser"), r.Awake,
		quantity.Of(r.Projects, "project"), quantity.Of(r.Gateways, "gateway"), r.Hours, r.Seed)
	fmt.Fprintf(to, "%s; polls every %g s, or %g s with push\n\n", quantity.Of(r.Advances, "advance"), float64(r.FastMS)/1000, float64(r.SlowMS)/1000)
	fmt.Fprintln(w, "phase\tfrom s\tlasts s\tpolls/s\tpeak\tempty/s\tnews/s\tallowed\tanswers: half\t99 %\twith push\t")
	for _, p := range r.Phases {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%d\t%.1f\t%.1f\t%.0f\t%.0f ms\t%.0f ms\t%.1f %%\t\n", p.Name, p.Begin, p.Seconds, p.Mean, p.Peak, p.Empty,
			p.News, p.Most, p.Answers.P50, p.Answers.P99, p.Pushed)
	}
	fmt.Fprintln(w, "\nplain polling\tevery s\tpolls\tempty\t\tempty with nudge\tsaved\t")
	for _, p := range r.Plain {
		fmt.Fprintf(w, "\t%g\t%d\t%d\t\t%d\t%.2f %%\t\n", p.Every, p.Polls, p.Empty, r.Empty, p.Saved)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(to, "\nstaleness of visible pages: half below %.0f ms, 99 %% below %.0f ms, all below %.0f ms (%d)\n",
		r.Staleness.P50, r.Staleness.P99, r.Staleness.Max, r.Staleness.N)
	fmt.Fprintf(to, "of projects with fewer than %d pages: half below %.0f ms, 99 %% below %.0f ms, all below %.0f ms (%d)\n",
		few, r.Small.P50, r.Small.P99, r.Small.Max, r.Small.N)
	fmt.Fprintf(to, "answers of the application: half within %.0f ms, 99 %% within %.0f ms, all within %.0f ms; without one within a minute: %s\n",
		r.Answers.P50, r.Answers.P99, r.Answers.Max, quantity.Of(r.Failed, "poll"))
	fmt.Fprintf(to, "at most %s in a second; visible pages had push for %.1f %% of the time\n", quantity.Of(r.Peak, "poll"), r.Pushed)
	fmt.Fprintf(to, "promise 1: %s\n", kept(r.Late, fmt.Sprintf("%s learnt too late, one by %.0f ms", quantity.Of(r.Late, "page"), r.LateMS)))
	_, err := fmt.Fprintf(to, "promise 2: %s\n", kept(r.Over, fmt.Sprintf("%s with too many polls", quantity.Of(r.Over, "second"))))
	return err
}

func kept(n int, otherwise string) string {
	if n == 0 {
		return "kept"
	}
	return "broken: " + otherwise
}
