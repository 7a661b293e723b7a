package limits

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whoever comes and goes in whatever order: no limit is passed, nobody is refused who is below
// all, and when all have gone nothing is left.
func TestAdmission(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(0, 3)
		s := Settings{
			Streams: rapid.IntRange(1, 8).Draw(t, "streams"), GoroutineStreams: rapid.IntRange(1, 8).Draw(t, "goroutine streams"),
			StreamsPerSubject: limit.Draw(t, "per subject"), StreamsPerAddress: limit.Draw(t, "per address"),
		}
		a := NewAdmission(func() Settings { return s })
		type stream struct {
			kind   Kind
			ticket Ticket
			Caller
		}
		var open []stream
		count := func(is func(stream) bool) (n int) {
			for _, o := range open {
				if is(o) {
					n++
				}
			}
			return n
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			if len(open) > 0 && rapid.Bool().Draw(t, "one goes") {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				a.Release(open[i].kind, open[i].ticket)
				open = append(open[:i], open[i+1:]...)
				continue
			}
			n := stream{kind: rapid.SampledFrom([]Kind{Goroutine, Parked}).Draw(t, "kind")}
			n.Subject = rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, "subject")
			n.Address = netip.MustParseAddr(fmt.Sprint("192.0.2.", rapid.IntRange(1, 3).Draw(t, "address")))
			goroutines := count(func(o stream) bool { return o.kind == Goroutine })
			full := len(open) >= s.Streams || n.kind == Goroutine && goroutines >= s.GoroutineStreams
			own := s.StreamsPerSubject > 0 && count(func(o stream) bool { return o.Name() == n.Name() }) >= s.StreamsPerSubject ||
				s.StreamsPerAddress > 0 && count(func(o stream) bool { return o.Address == n.Address }) >= s.StreamsPerAddress
			if got := a.Full(n.kind); got != full {
				t.Fatalf("full: %v, want %v", got, full)
			}
			var over *Refusal
			if n.ticket, over = a.Admit(n.kind, n.Caller, time.Now()); over == nil {
				open = append(open, n)
			}
			if (over != nil) != (full || own) || over != nil && over.Caller == full {
				t.Fatalf("%v with full: %v, own limit: %v", over, full, own)
			}
			if a.Open() != len(open) {
				t.Fatalf("%d open of %d", a.Open(), len(open))
			}
		}
		left := a.Empty()
		for _, o := range open {
			select {
			case <-left:
				t.Fatal("all have left, it says")
			default:
			}
			a.Release(o.kind, o.ticket)
		}
		<-left
		if len(a.perSubject)+len(a.perAddress) > 0 {
			t.Errorf("left behind: %v %v", a.perSubject, a.perAddress)
		}
	})
}

func TestConnectsPerSecond(t *testing.T) {
	a, now := NewAdmission(func() Settings { return Settings{Streams: 100, ConnectsPerSecond: 3}.WithDefaults() }), time.Now()
	admitted := func() (n int) {
		for range 10 {
			if _, over := a.Admit(Parked, Caller{}, now); over == nil {
				n++
			} else if over.Caller {
				t.Error("it is not the caller's own limit")
			}
		}
		return n
	}
	if got := admitted(); got != 3 {
		t.Errorf("%d at once", got)
	}
	now = now.Add(time.Second)
	if got := admitted(); got != 3 {
		t.Errorf("%d a second later", got)
	}
}

// One caller cannot use up the connects of all.
func TestConnectsOfOneCaller(t *testing.T) {
	at := func(text string) netip.Addr { return netip.MustParseAddr(text) }
	for name, test := range map[string]struct {
		caller Caller
		most   int
	}{
		"a subject":     {Caller{"mallory", at("192.0.2.1")}, 12},
		"no subject":    {Caller{"", at("2001:db8::1")}, 12},
		"a local proxy": {Caller{"", at("127.0.0.1")}, 100},
		"not known":     {Caller{}, 100},
	} {
		a, now := NewAdmission(func() Settings { return Settings{Streams: 10_000, ConnectsPerSecond: 100}.WithDefaults() }), time.Now()
		for second := range 3 {
			admitted := 0
			for range 500 {
				ticket, over := a.Admit(Parked, test.caller, now)
				if over == nil {
					admitted++
					a.Release(Parked, ticket)
				} else if test.most < 100 && !over.Caller {
					t.Fatalf("%s: refused for all", name)
				}
			}
			if admitted != test.most {
				t.Errorf("%s: %d connects in second %d, want %d", name, admitted, second, test.most)
			}
			if test.most < 100 {
				if _, over := a.Admit(Parked, Caller{"ann", at("192.0.2.9")}, now); over != nil {
					t.Errorf("%s: another is refused", name)
				}
			}
			now = now.Add(time.Second)
		}
	}
}

// Ten callers who connect all the time, each with its own share, take no connect of those who come once.
func TestConnectsOfTenCallers(t *testing.T) {
	a, now := NewAdmission(func() Settings { return Settings{Streams: 10_000, ConnectsPerSecond: 100}.WithDefaults() }), time.Now()
	admitted := 0
	for i := range 3000 { // ten seconds
		now = now.Add(time.Second / 300)
		if ticket, over := a.Admit(Parked, Caller{Subject: fmt.Sprint("mallory", i%10)}, now); over == nil {
			admitted++
			a.Release(Parked, ticket)
		}
		if i%7 == 0 { // 43 a second
			if _, over := a.Admit(Parked, Caller{Subject: fmt.Sprint("user", i)}, now); over != nil {
				t.Fatalf("a user is refused after %d connects: %+v", i, over)
			}
		}
	}
	if admitted < 400 || admitted > 600 {
		t.Errorf("%d of their connects were admitted, half of all are 500", admitted)
	}
}
