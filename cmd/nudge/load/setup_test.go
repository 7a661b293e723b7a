//go:build linux

package load

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestLayout(t *testing.T) {
	l := layout{"load-", 7, 3}
	for s := range 30 {
		seen := map[int]bool{}
		for j := range 3 {
			p := l.project(s, j)
			seen[p] = true
			if l.slot(s, p) != j || l.index([]byte(l.name(p))) != p {
				t.Fatalf("stream %d: project %d is not found again", s, p)
			}
		}
		for p := range 7 {
			if (l.slot(s, p) >= 0) != seen[p] {
				t.Fatalf("stream %d, project %d: slot %d", s, p, l.slot(s, p))
			}
		}
	}
	for _, name := range []string{"", "load-", "load-7", "load-01", "load--1", "load-x", "loud-1", "load-1x", "load-99999999999999999999"} {
		if p := l.index([]byte(name)); p != -1 {
			t.Errorf("%q is project %d", name, p)
		}
	}
}

func TestShare(t *testing.T) {
	for _, n := range []int{0, 1, 7, 19000, 100003} {
		for _, workers := range []int{1, 2, 5, 64} {
			next := 0
			for i := range workers {
				first, count := share(n, workers, i)
				if first != next || count < n/workers || count > n/workers+1 {
					t.Fatalf("share(%d, %d, %d) = %d, %d", n, workers, i, first, count)
				}
				next += count
			}
			if next != n {
				t.Fatalf("%d of %d are shared", next, n)
			}
		}
	}
}

func TestWorkersFor(t *testing.T) {
	for _, tt := range []struct {
		streams, wanted, files, want int
		says                         string
	}{
		{19000, 0, 20000, 1, ""},
		{19001, 0, 20000, 2, ""},
		{30000, 0, 1 << 20, 2, ""},
		{1000, 4, 20000, 4, ""},
		{2, 4, 20000, 2, ""},
		{1000, 0, 564, 2, ""},
		{1000, 1, 564, 0, "allow 2"},
		{100, 0, 64, 0, "ulimit -n"},
		{100000, 0, 1024, 0, "hold 61440"},
	} {
		got, err := workersFor(tt.streams, tt.wanted, tt.files)
		if got != tt.want || (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("workersFor(%d, %d, %d) = %d, %v; want %d, %q", tt.streams, tt.wanted, tt.files, got, err, tt.want, tt.says)
		}
	}
}

func TestCount(t *testing.T) {
	keys := map[string]int64{}
	for i := range 1000 {
		count(keys, fmt.Sprint(i))
	}
	if len(keys) > mostKeys+1 || sum(keys) != 1000 {
		t.Errorf("%d keys with %d", len(keys), sum(keys))
	}
}

func TestSourcesFor(t *testing.T) {
	loopback := target{Addr: netip.MustParseAddrPort("127.0.0.1:8080")}
	far := target{Addr: netip.MustParseAddrPort("192.0.2.1:8080")}
	for _, tt := range []struct {
		streams int
		targets []target
		want    int
		fails   bool
	}{
		{5000, []target{loopback}, 0, false},
		{19000, []target{loopback}, 3, false},
		{30000, []target{loopback, loopback}, 3, false},
		{100000, []target{loopback}, 15, false},
		{20000, []target{far}, 0, false},
		{30000, []target{far}, 0, true},
		{30000, []target{far, loopback}, 0, false},
		{10_000_000, []target{loopback}, 0, true},
	} {
		got, err := sourcesFor(tt.streams, 28232, tt.targets)
		if len(got) != tt.want && !tt.fails || (err != nil) != tt.fails {
			t.Errorf("%d streams to %d targets: %v, %v", tt.streams, len(tt.targets), got, err)
		}
	}
}

func TestOptions(t *testing.T) {
	publish := func(context.Context, []Advance) (int, error) { return 0, nil }
	if err := (Options{}).Check(); err != nil {
		t.Errorf("the zero options: %v", err)
	}
	if o, _ := (Options{Streams: 10}).filled(); o.Projects != 10 || o.PerStream != 1 || o.Gateways[0] != DefaultGateway {
		t.Errorf("10 streams: %+v", o)
	}
	for _, tt := range []struct {
		o    Options
		says string
	}{
		{Options{Streams: -1}, "--streams: -1 is below 0"},
		{Options{PerStream: 65, Projects: 100}, "write 64 or less"},
		{Options{PerStream: 3, Projects: 2}, "write more --projects"},
		{Options{Rate: -1}, "--rate: -1"},
		{Options{Rate: math.NaN()}, "rate"},
		{Options{Rate: math.Inf(1)}, "rate"},
		{Options{Rate: 1, Window: 1, Duration: time.Second, Publish: publish}, "contradict"},
		{Options{Rate: 1, Publish: publish}, "--duration: 0s is no time"},
		{Options{Settle: -1}, "--settle: -1ns is below 0"},
		{Options{Workers: 65}, "write 64 or less"},
		{Options{Prefix: "a b"}, "not allowed"},
		{Options{Prefix: strings.Repeat("x", 101)}, "100"},
		{Options{Sources: []string{"lo"}}, "no address"},
		{Options{Gateways: []string{"127.0.0.1:8080"}}, "no URL"},
		{Options{Gateways: []string{"http://ann:hunter2@127.0.0.1:8080"}}, "the URL of a gateway has a user or a password, which gateways do not take; leave it out"},
		{Options{Gateways: []string{"https://x"}}, "plain HTTP only"},
	} {
		if err := tt.o.Check(); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.says)
		}
	}
	if _, err := Run(t.Context(), Options{Rate: 1, Duration: time.Second}); err == nil || !strings.Contains(err.Error(), "no Publish function") {
		t.Error(err)
	}
}
