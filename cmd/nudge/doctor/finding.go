package doctor

import (
	"fmt"
	"strings"
)

// Status is the outcome of a check.
type Status string

// The outcomes of checks.
const (
	OK      Status = "ok"
	Broken  Status = "broken"
	Skipped Status = "skipped" // Says has the reason
)

// Hops are the names of all checks, in the order in which they are made, except that Run may report some earlier.
var Hops = []string{
	"dns", "tcp", "tls", "http", "clock", "session", "token", "host", "cors", "tracing", "cookie", "scope", "push",
	"compression", "events", "redis", "poll-interval", "long-poll", "cut",
}

// Finding is what one check found.
type Finding struct {
	Check  string `json:"check"` // one of Hops
	Status Status `json:"status"`
	Says   string `json:"says"`
	// Fix says what to change, if the check is broken. Remedies are the lines to change at the proxy: of the recognised one,
	// or of several.
	Fix      string   `json:"fix,omitempty"`
	Remedies []Remedy `json:"remedies,omitempty"`
}

// Text is the finding for people: a line, and below it what to change.
func (f Finding) Text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-13s %-8s %s\n", f.Check, f.Status, f.Says)
	if f.Fix != "" {
		fmt.Fprintf(&text, "%13s fix:     %s\n", "", f.Fix)
	}
	for _, r := range f.Remedies {
		for i, line := range r.Lines {
			name := ""
			if i == 0 {
				name = r.Proxy + ":"
			}
			fmt.Fprintf(&text, "%13s   %-11s %s\n", "", name, line)
		}
	}
	return text.String()
}

// Report is what all checks found.
type Report struct {
	URL    string    `json:"url"` // without password
	Good   bool      `json:"good"`
	Broken []string  `json:"broken"` // names of checks; usually one, since checks that depend on it are skipped
	Proxy  []string  `json:"proxy"`  // names of the proxies that the answers name
	Checks []Finding `json:"checks"`
}
