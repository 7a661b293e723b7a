//go:build unix

package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"text/tabwriter"

	"nudge/cmd/nudge/simulate"
	"nudge/cmd/nudge/simulate/replay"
)

// apart is how far simulated and real figures may be from each other.
const apart = 0.2

// figure is one that both have, from enough polls or pages for chance to be small.
type figure struct {
	name            string
	simulated, real float64
}

// figures are what must agree. Peaks are not among them: one second of some hundred polls varies by a tenth by chance, and
// promise 2 bounds it. Nor is staleness, which hangs on the machine, nor the beginning, which is how fast processes start.
func figures(s *simulate.Result, r *replay.Outcome) []figure {
	var all []figure
	for i, p := range s.Phases {
		switch p.Name {
		case "beginning":
			continue
		case "steady":
			all = append(all, figure{"steady: polls/s for news", p.News, r.Phases[i].News}, figure{"steady: empty polls/s", p.Empty, r.Phases[i].Empty})
		}
		all = append(all, figure{p.Name + ": polls/s", p.Mean, r.Phases[i].Mean})
	}
	return append(all,
		figure{"polls", float64(s.Polls), float64(r.Polls)},
		figure{"empty polls", float64(s.Empty), float64(r.Empty)},
		figure{"versions learnt by pages", float64(s.Staleness.N), float64(r.Staleness.N)},
		figure{"saved of polling every 2 s, %", saved(s), saved(&r.Result)},
	)
}

// saved is the share of polls that plain polling at the fast interval would make beside.
func saved(r *simulate.Result) float64 {
	plain := float64(r.Browsers) * float64(len(r.Seconds)) * 1000 / float64(r.FastMS)
	return 100 * (1 - float64(r.Polls)/plain)
}

func sideBySide(s *simulate.Result, r *replay.Outcome) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d pages on %d projects, %d changes; timers of pages were late by up to %.1f ms\n\n", s.Browsers, s.Projects, s.Advances, r.Behind)
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "phase\tpolls/s\treal\tpeak\treal\tallowed\tfor news\treal\textra\treal\tp50 ms\treal\tp99 ms\treal\t")
	for i, p := range s.Phases {
		q := r.Phases[i]
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%d\t%d\t%.0f\t%.1f\t%.1f\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t\n",
			p.Name, p.Mean, q.Mean, p.Peak, q.Peak, q.Most, p.News, q.News, p.Extra, q.Extra, p.P50, q.P50, p.P99, q.P99)
	}
	fmt.Fprintln(w, "\nfigure\tsimulated\treal\tapart\t")
	for _, f := range figures(s, r) {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%+.1f %%\t\n", f.name, f.simulated, f.real, 100*(f.real/f.simulated-1))
	}
	w.Flush()
	fmt.Fprintf(&text, "\nlate pages %d, real %d; versions that Redis did not take: %d; reports of missed news %d, real %d\n",
		s.Late, r.Late, r.Unpublished, s.Reports, r.Reports)
	return text.String()
}

// compare holds the real figures against the simulated ones, and against the promises.
func compare(t *testing.T, s *simulate.Result, r *replay.Outcome) {
	t.Helper()
	for _, f := range figures(s, r) {
		if !(math.Abs(f.real/f.simulated-1) <= apart) {
			t.Errorf("%s: %.1f simulated, %.1f really", f.name, f.simulated, f.real)
		}
	}
	for i, second := range r.Seconds {
		if float32(second.Polls) > second.Most {
			t.Errorf("promise 2: %d polls in second %d, where %.0f are allowed", second.Polls, i, second.Most)
		}
	}
	if r.Late > 0 || !s.OK() {
		t.Errorf("promise 1: %d pages learnt too late, one by %.0f ms; in the simulator %d, and %d seconds with too many polls", r.Late, r.LateMS, s.Late, s.Over)
	}
	if r.Failed > 0 {
		t.Errorf("%d polls got no answer", r.Failed)
	}
	for i, p := range r.Phases {
		if calm := p.Name == "steady" || p.Name == "rolling restart"; calm && (p.Extra > 0 || s.Phases[i].Extra > 0) {
			t.Errorf("%s: %d extra polls, %d simulated", p.Name, p.Extra, s.Phases[i].Extra)
		}
	}
}
