package limits

import (
	"net/netip"
	"strconv"
	"testing"
	"time"
)

func TestMissedQuota(t *testing.T) {
	var r MissedQuota
	now := time.Now()
	admitted := func(n int, subject func(i int) string, address string) (in int) {
		for i := range n {
			if r.Admit(Caller{subject(i), netip.MustParseAddr(address)}, now) == nil {
				in++
			}
		}
		return in
	}
	ann := func(int) string { return "ann" }
	if got := admitted(100, ann, "192.0.2.1"); got != 60 {
		t.Errorf("%d reports of one user in a minute", got)
	}
	if got := admitted(1000, strconv.Itoa, "192.0.2.1"); got != 540 {
		t.Errorf("%d more from one address", got)
	}
	if got := admitted(100, func(int) string { return "" }, "192.0.2.2"); got != 100 {
		t.Errorf("%d of nobody in particular", got)
	}
	now = now.Add(time.Minute)
	if got := admitted(100, ann, "192.0.2.1"); got != 60 {
		t.Errorf("%d in the next minute", got)
	}
}
