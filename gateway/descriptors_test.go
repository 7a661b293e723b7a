package gateway_test

import (
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
)

// descriptors are the open descriptors of this process, by what they are: a socket has a name of its own.
func descriptors(t testing.TB) map[string]int {
	t.Helper()
	all := map[string]int{}
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if what, err := os.Readlink(name); err == nil { // it may be the one that listed them
			all[what]++
		}
	}
	return all
}

// fresh are the descriptors that were not there before.
func fresh(t testing.TB, before map[string]int) map[string]int {
	t.Helper()
	now := descriptors(t)
	maps.DeleteFunc(now, func(what string, n int) bool { return n <= before[what] })
	return now
}

// brisk is a gateway that soon writes again: a goroutine stream of a client that has sent bytes after its
// request learns from its next write only that the client is gone.
func brisk(o *gateway.Options) { o.Settings.Policy.Heartbeat = 200 * time.Millisecond }

// storm opens many streams of a kind, and sees to it that they end.
type storm struct {
	change func(*gateway.Options)
	blow   func(t *testing.T, r *rig, c *http.Client)
}

const (
	gusts    = 100
	eventsOf = "/events?project=42"
)

// raw storms are of clients that speak over a connection of their own.
func raw(proto string) map[string]storm {
	request := asking(proto, "42")
	opened := func(change func(*gateway.Options), end func(t *testing.T, l *line)) storm {
		return storm{change, func(t *testing.T, r *rig, _ *http.Client) {
			var all []*line
			for range gusts {
				l := r.knock(request)
				if err := l.greeted(); err != nil {
					t.Fatal(err)
				}
				all = append(all, l)
			}
			for _, l := range all {
				end(t, l)
			}
		}}
	}
	early := func(change func(*gateway.Options), text string, reset bool) storm {
		return storm{change, func(_ *testing.T, r *rig, _ *http.Client) {
			for range gusts {
				l := r.knock(text)
				if reset {
					l.SetLinger(0)
				}
				l.Close()
			}
		}}
	}
	return map[string]storm{
		"nothing asked":               early(quiet, "", false),
		"half asked":                  early(quiet, request[:len(request)/2], false),
		"gone during hello":           early(quiet, request, false),
		"reset during hello":          early(quiet, request, true),
		"gone with junk during hello": early(brisk, request+request+"junk", false),
		"gone after hello":            opened(quiet, func(_ *testing.T, l *line) { l.Close() }),
		"reset after hello": opened(quiet, func(_ *testing.T, l *line) {
			l.SetLinger(0)
			l.Close()
		}),
		"half-closed": opened(quiet, func(t *testing.T, l *line) {
			l.CloseWrite()
			if err := l.ear.end(); err != nil {
				t.Error(err)
			}
			l.silent(t) // the gateway closes first
			l.Close()
		}),
		"gone with junk": opened(brisk, func(_ *testing.T, l *line) {
			l.TCPConn.Write([]byte("junk"))
			l.Close()
		}),
	}
}

// ended are storms whose streams the gateway ends.
func ended(k kind) map[string]storm {
	with := func(change func(*gateway.Options), why string, headers func() []string, then func(*rig)) storm {
		return storm{func(o *gateway.Options) { quiet(o); change(o) }, func(t *testing.T, r *rig, c *http.Client) {
			all := make([]*ear, gusts)
			r.each(gusts, func(i int) (err error) {
				all[i], err = r.hear(c, eventsOf, headers()...)
				for range 10 { // on a busy machine a token may expire on its way
					if err == nil || why != "expired" {
						break
					}
					all[i], err = r.hear(c, eventsOf, headers()...)
				}
				return err
			})
			then(r)
			r.each(gusts, func(i int) error { return all[i].end() })
			for _, e := range all {
				if e.goodbye != why {
					t.Errorf("goodbye %q after %v", e.goodbye, e.counts)
				}
				e.leave()
			}
		}}
	}
	plain := func() []string { return nil }
	wait := func(*rig) {}
	return map[string]storm{
		"refused": {func(o *gateway.Options) { quiet(o); o.Settings.Limits.Streams = 1 }, func(t *testing.T, r *rig, c *http.Client) {
			in := r.crowd(c, 1, eventsOf)
			r.each(gusts, func(int) error {
				e, err := r.hear(c, eventsOf)
				if err != nil {
					return err
				}
				defer e.leave()
				return e.end()
			})
			in[0].leave()
		}},
		"drained": with(func(o *gateway.Options) { o.DrainDelay, o.DrainWindow = 0, 200*time.Millisecond }, "drain", plain,
			func(r *rig) { r.Drain(context.Background()) }),
		"expired": with(func(o *gateway.Options) { o.Settings.Auth.Leeway = 0 }, "expired", func() []string {
			return []string{"Authorization: Bearer " + sign(jwt.MapClaims{"subscribe": "*", "exp": time.Now().Add(2 * time.Second).Unix()})}
		}, wait),
		"rotated": with(func(o *gateway.Options) { o.Settings.Limits.StreamAge = time.Second / 2 }, "rotate", plain, wait),
		"off":     with(func(*gateway.Options) {}, "off", plain, (*rig).off),
		"cancelled": {quiet, func(_ *testing.T, r *rig, c *http.Client) {
			for i, e := range r.crowd(c, gusts, eventsOf) {
				e.leave()
				if i == gusts/2 {
					r.news("42@1")
				}
			}
		}},
	}
}

// However streams end, and however many at once, no descriptor of theirs stays open while the gateway goes on.
func TestDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc/self/fd")
	}
	type run struct {
		storm
		r *rig
		c *http.Client
	}
	all := map[string]run{}
	add := func(name string, storms map[string]storm, transport http.RoundTripper) {
		for what, s := range storms {
			all[name+" "+what] = run{s, wire(t, s.change), client(t, transport)}
		}
	}
	for _, proto := range protos {
		add(proto, raw(proto), nil)
	}
	for _, k := range kinds {
		add(k.name, ended(k), k.transport())
	}
	before := descriptors(t)
	t.Run("storm", func(t *testing.T) {
		for name, run := range all {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := *run.r // which goes on after this storm
				r.t = t
				run.blow(t, &r, run.c)
			})
		}
	})
	for deadline := time.Now().Add(patience); len(fresh(t, before)) > 0; runtime.Gosched() {
		for _, run := range all {
			run.c.CloseIdleConnections()
		}
		if time.Now().After(deadline) {
			t.Fatalf("still open, and not before: %v", fresh(t, before))
		}
	}
	for name, run := range all {
		if n := run.r.streams(); n != 0 {
			t.Errorf("%s: %d streams", name, n)
		}
	}
}

// A gateway that ends without a drain cuts its streams.
func TestDescriptorsOfAGatewayThatEnds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc/self/fd")
	}
	for _, k := range kinds {
		c := client(t, k.transport())
		before := descriptors(t)
		var all []*ear
		t.Run(k.name, func(inner *testing.T) {
			r := wire(inner, quiet)
			outer := *r
			outer.t = t // the clients outlive the gateway
			all = outer.crowd(c, gusts, eventsOf)
			if len(fresh(t, before)) < 2 {
				t.Fatal("streams are open, and no descriptors are seen")
			}
		})
		for _, e := range all {
			if err := e.seen("goodbye", 1); err == nil {
				t.Errorf("%s: a goodbye of a gateway that was cut", k.name)
			}
			e.leave()
		}
		c.CloseIdleConnections()
		for deadline := time.Now().Add(patience); len(fresh(t, before)) > 0; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: still open, and not before: %v", k.name, fresh(t, before))
			}
		}
	}
}
