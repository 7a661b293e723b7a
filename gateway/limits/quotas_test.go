package limits

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var quotaStart = time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)

// admitted is how many of n requests come in.
func (q *Quotas) admitted(kind Request, n int, subject func(i int) string, address string, now time.Time) (in int) {
	var at netip.Addr
	if address != "" {
		at = netip.MustParseAddr(address)
	}
	for i := range n {
		if q.Admit(kind, 1, Caller{subject(i), at}, now) == nil {
			in++
		}
	}
	return in
}

func always(subject string) func(int) string { return func(int) string { return subject } }

func TestQuotas(t *testing.T) {
	for kind := range Requests {
		q, now := NewQuotas(func() Settings { return Settings{}.WithDefaults() }), quotaStart
		most := quotas[kind].perSubject
		if got := q.admitted(kind, most+10, always("ann"), "", now); got != most {
			t.Errorf("kind %d: %d by default, want %d", kind, got, most)
		}
		var s Settings
		most, s.PerSubject[kind] = 20, 20
		all := most * quotas[kind].subjects
		q = NewQuotas(func() Settings { return s.WithDefaults() })
		if got := q.admitted(kind, most+10, always("ann"), "192.0.2.1", now); got != most {
			t.Errorf("kind %d: %d of one user in a minute, want %d", kind, got, most)
		}
		over := q.Admit(kind, 1, Caller{"ann", netip.MustParseAddr("192.0.2.1")}, now.Add(time.Second))
		if over == nil || !over.Caller || over.RetryAfter != 59*time.Second || !strings.Contains(over.Reason, "limits."+over.Name) {
			t.Errorf("kind %d: %+v", kind, over)
		}
		// The office of ann, in which everybody does a tenth of what one may.
		if got, want := q.admitted(kind, all, strconv.Itoa, "192.0.2.1", now), all-most; got != want {
			t.Errorf("kind %d: %d more of one address, want %d", kind, got, want)
		}
		if got := q.admitted(kind, most+10, always("bob"), "192.0.2.2", now); got != most {
			t.Errorf("kind %d: %d of another", kind, got)
		}
		if got := q.admitted(kind, 2*most, always(""), "2001:db8::1", now); got != min(2*most, all) {
			t.Errorf("kind %d: %d of nobody in particular", kind, got)
		}
		for _, address := range []string{"127.0.0.1", "::1", ""} { // a proxy on this machine, or nobody knows
			if got := q.admitted(kind, all+10, always(""), address, now); got != all+10 {
				t.Errorf("kind %d: %d through a proxy at %q", kind, got, address)
			}
		}
		if got := q.admitted(kind, most+10, always("ann"), "192.0.2.1", now.Add(quotaTime)); got != most {
			t.Errorf("kind %d: %d in the next minute", kind, got)
		}
		for _, name := range []string{quotas[kind].name + "_per_subject", quotas[kind].name + "_per_address"} {
			if !slices.Contains(Names(), name) {
				t.Errorf("%s is missing in the names", name)
			}
		}
	}
}

// One kind takes nothing from another, a request may count as several, and the limits in force are those of now.
func TestQuotasBySettings(t *testing.T) {
	var s Settings
	s.PerSubject[Polls], s.PerSubject[Projects] = 2, 100
	q, ann := NewQuotas(func() Settings { return s.WithDefaults() }), Caller{"ann", netip.MustParseAddr("192.0.2.1")}
	if got := q.admitted(Polls, 5, always("ann"), "192.0.2.1", quotaStart); got != 2 {
		t.Errorf("%d polls", got)
	}
	if q.Admit(Versions, 1, ann, quotaStart) != nil {
		t.Error("polls count as versions")
	}
	if q.Admit(Projects, 64, ann, quotaStart) != nil || q.Admit(Projects, 37, ann, quotaStart) == nil || q.Admit(Projects, 36, ann, quotaStart) != nil {
		t.Error("a hundred projects are not a hundred")
	}
	s.PerSubject[Polls] = 3
	if got := q.admitted(Polls, 5, always("ann"), "192.0.2.1", quotaStart); got != 1 {
		t.Errorf("%d more polls after a reload", got)
	}
}

// Strangers in great number, each with a network of its own, neither fill the memory, nor keep users out.
func TestQuotasAreBounded(t *testing.T) {
	q, now := NewQuotas(func() Settings { return Settings{}.WithDefaults() }), quotaStart
	for i := range 70_000 {
		var a [16]byte
		a[0], a[5], a[6], a[7] = 0x20, byte(i>>16), byte(i>>8), byte(i)
		if q.Admit(Polls, 1, Caller{"", netip.AddrFrom16(a)}, now) != nil {
			t.Fatalf("stranger %d is refused", i)
		}
	}
	if n := q.networks.Len(now); n != 1<<16 {
		t.Errorf("%d are remembered", n)
	}
	if got := q.admitted(Polls, 700, always("ann"), "192.0.2.1", now); got != 600 {
		t.Errorf("%d of a user meanwhile", got)
	}
	later := now.Add(2 * quotaTime)
	if q.Admit(Polls, 1, Caller{"bob", netip.Addr{}}, later); q.networks.Len(later)+q.subjects.Len(later) != 1 {
		t.Error("they are remembered for ever")
	}
}

func BenchmarkQuotas(b *testing.B) {
	q, c := NewQuotas(func() Settings { return Settings{}.WithDefaults() }), Caller{"ann", netip.MustParseAddr("192.0.2.1")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q.Admit(Polls, 1, c, quotaStart.Add(time.Duration(i)*time.Millisecond))
	}
}
