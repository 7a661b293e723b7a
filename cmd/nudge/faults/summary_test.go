package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// line is what a scenario comes to.
type line struct {
	Fault     string  `json:"fault"`
	Told      int     `json:"told"`        // streams that were told of the fault
	Streams   int     `json:"streams"`     // of so many
	TruthS    float64 `json:"truth_s"`     // from the fault until the last of them was told
	TruthMost float64 `json:"truth_max_s"` // the bound
	KnownS    float64 `json:"known_s"`     // from the repair, or the publishing after it, until the last stream knew of a version
	KnownMost float64 `json:"known_max_s"`
	HealS     float64 `json:"heal_s"` // from the repair until the last stream was told that push is healthy
	HealMost  float64 `json:"heal_max_s"`
	Repaired  int     `json:"repaired"`  // versions that no stream heard of as they came
	Lost      int     `json:"lost"`      // versions that Redis acknowledged and lost
	Published int     `json:"published"` // versions acknowledged in all
	OK        bool    `json:"ok"`
	Skipped   string  `json:"skipped,omitempty"` // why; then all else means nothing
}

// asItComes is how soon news is heard that nothing holds up.
const asItComes = 500 * time.Millisecond

// sumUp makes a line of a record.
func sumUp(r *record, x expect, fault string, ok bool) line {
	l := line{
		Fault: fault, Streams: len(r.streams), OK: ok,
		TruthMost: r.truth().Seconds(), KnownMost: x.within.Seconds(), HealMost: r.healthy(x).Seconds(),
	}
	h := newHistory(r)
	missed, heard := map[mark]bool{}, map[mark]bool{}
	for _, n := range r.news {
		if n.acked != 0 {
			l.Published++
		}
		if n.lost {
			l.Lost++
		}
	}
	truth := max(x.push, degraded)
	for i := range r.streams {
		s := &r.streams[i]
		for _, e := range s.said {
			if e.at >= r.fault && truth.told(e.push) {
				l.Told++
				l.TruthS = max(l.TruthS, (e.at - r.fault).Seconds())
				break
			}
		}
		if since, ok := healthySince(s); ok {
			l.HealS = max(l.HealS, (since - r.repair).Seconds())
		}
		for _, p := range s.projects {
			for i, n := range h.of[p] {
				if n.acked == 0 || n.lost || n.acked < r.fault {
					continue
				}
				at, ok := h.known(s, p, i)
				if ok {
					l.KnownS = max(l.KnownS, (at - max(n.acked, r.repair)).Seconds())
				}
				if ok && at < n.acked+asItComes {
					heard[mark{p, n.version}] = true
				} else {
					missed[mark{p, n.version}] = true
				}
			}
		}
	}
	for m := range missed {
		if !heard[m] {
			l.Repaired++
		}
	}
	return l
}

// printSummary writes the lines as a table for people.
func printSummary(w io.Writer, lines []line) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "fault\tstreams told\ttruth (most)\tknown (most)\thealthy (most)\trepaired\tlost\tpublished\t")
	for _, l := range lines {
		if l.Skipped != "" {
			fmt.Fprintf(t, "%s\tskipped: %s\t\t\t\t\t\t\t\n", l.Fault, l.Skipped)
			continue
		}
		truth := "–"
		if l.Told > 0 {
			truth = took(l.TruthS, l.TruthMost)
		}
		verdict := "ok"
		if !l.OK {
			verdict = "FAILED"
		}
		fmt.Fprintf(t, "%s\t%d of %d\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", l.Fault, l.Told, l.Streams, truth,
			took(l.KnownS, l.KnownMost), took(l.HealS, l.HealMost), l.Repaired, l.Lost, l.Published, verdict)
	}
	return t.Flush()
}

func took(s, most float64) string { return fmt.Sprintf("%.1f s (%.1f)", max(0, s), most) }

// encodeSummary writes the lines for programs.
func encodeSummary(w io.Writer, lines []line) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(lines)
}
