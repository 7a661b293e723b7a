package audit

import (
	"strings"
	"testing"
)

// Without a change in the logs nothing can be said of how late changes are seen.
func TestNoChangesAreNotSeenAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name     string
		advances float64
		with     string
	}{{"none", 0, "with Nudge  0.1     3  -  -"}, {"some", 0.5, "with Nudge  0.1     3  100 ms  1.0 s"}} {
		r := &Report{
			Polled:  []Finding{{Path: "/changes", Every: 10, Polls: 100}},
			Outlook: &Outlook{Pages: 30, Projects: 1, Advances: tc.advances, With: Load{Rate: 0.1, Peak: 3, Half: 0.1, Most: 1}},
		}
		var b strings.Builder
		if err := r.Print(&b); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(said, strings.Join(strings.Fields(tc.with), " ")) {
			t.Errorf("%s: %s", tc.name, b.String())
		}
	}
}
