package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"nudge/gateway"

	"nudge/version"
	"nudge/web"
)

// quiet is a gateway whose heartbeats bring nobody what a wake-up should have brought.
func quiet(o *gateway.Options) { o.Settings.Policy.Heartbeat = 10 * time.Minute }

// What is said above the stream is the same for both kinds, but for what belongs to the connection.
func TestHeads(t *testing.T) {
	t.Parallel()
	r := wire(t, func(o *gateway.Options) {
		quiet(o)
		o.Settings.CORS.Origins = []string{"https://app.example"}
	})
	want := http.Header{
		"Content-Type": {"text/event-stream"}, "Cache-Control": {"no-store, no-transform"}, "X-Accel-Buffering": {"no"},
		"Content-Encoding":       {"identity"},
		"X-Content-Type-Options": {"nosniff"}, "Content-Security-Policy": {web.NoPage}, "Referrer-Policy": {"same-origin"},
		"Vary": {"Origin"},
	}
	allowed := want.Clone()
	allowed.Set("Access-Control-Allow-Origin", "https://app.example")
	allowed.Set("Access-Control-Allow-Credentials", "true")
	allowed.Set("Access-Control-Expose-Headers", "X-Poll-Interval, Retry-After, Www-Authenticate, X-Nudge-Caller")
	for _, k := range kinds {
		for origin, want := range map[string]http.Header{"": want, "https://app.example": allowed, "https://evil.example": want} {
			e := must[*ear](t)(r.hear(client(t, k.transport()), "/events?project=42", "Origin: "+origin))
			got := e.resp.Header.Clone()
			if _, err := http.ParseTime(got.Get("Date")); err != nil {
				t.Errorf("%s: Date %q", k.name, got.Get("Date"))
			}
			got.Del("Date")
			got.Del("Connection")
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, Origin %q: %s", k.name, origin, d)
			}
			if chunked := slices.Contains(e.resp.TransferEncoding, "chunked"); k.parked && chunked {
				t.Errorf("%s: a parked stream is chunked", k.name)
			}
			if k.parked != e.resp.Close {
				t.Errorf("%s: Connection: close is %v", k.name, e.resp.Close)
			}
			if e.resp.ContentLength != -1 {
				t.Errorf("%s: Content-Length %d", k.name, e.resp.ContentLength)
			}
		}
	}
}

// Three watchers of one project are served while thousands of another are, and none of those is left behind.
func TestCrowdDelaysNobody(t *testing.T) {
	const many, pings, tries = 3000, 12, 3
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := wire(t, quiet)
			crowd := r.crowd(client(t, k.crowd()), many, "/events?project=many")
			few := r.crowd(client(t, k.transport()), 3, "/events?project=few")

			ctx, cancel := context.WithCancel(t.Context())
			newest := make(chan int64, 1)
			go func() { // as fast as an application might, whatever the gateway makes of it
				tick := time.NewTicker(300 * time.Microsecond)
				defer tick.Stop()
				v := int64(0)
				for {
					select {
					case <-ctx.Done():
						newest <- v
						return
					case <-tick.C:
						v++
						r.news(fmt.Sprintf("many@%d", v))
					}
				}
			}()
			defer cancel()
			// One round of the crowd is the time that it takes to write to all of it, on whatever machine. That is no
			// measure while another program has the machine and the three cannot read: the best try counts.
			rounds := math.Inf(1)
			v := int64(0)
			for try := 0; try < tries && rounds > k.rounds; try++ {
				before := r.metric(versionsSent)
				for range pings {
					v++
					r.news(fmt.Sprintf("few@%d", v))
					for _, e := range few {
						if err := e.at("few", v); err != nil {
							t.Fatal(err)
						}
					}
				}
				rounds = min(rounds, (r.metric(versionsSent)-before-3*pings)/many/pings)
			}
			cancel()
			last := <-newest
			t.Logf("the crowd was served %.1f times for each advance of the small project, of %d advances", rounds, last)
			if rounds > k.rounds {
				t.Errorf("the crowd was served %.1f times for each advance of the small project, not %.1f at most", rounds, k.rounds)
			}
			r.each(many, func(i int) error { return crowd[i].at("many", last) })
		})
	}
}

const versionsSent = `nudge_events_sent_total{event="version"}`

// A change of the push state reaches everybody within two seconds.
func TestPushStateReachesACrowd(t *testing.T) {
	const many, tries, within = 1000, 3, 2 * time.Second
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := wire(t, quiet)
			all := r.crowd(client(t, k.crowd()), many, "/events?project=42")
			r.source.silent.Store(true) // what follows is said by this test alone
			took := map[string]time.Duration{}
			for range tries { // whoever else uses the machine can only make it slower
				for _, step := range []struct {
					push   string
					change func()
				}{
					{"down", func() { r.source.evidence.Lost(version.FaultConnection, errors.New("the test says so")) }},
					{"degraded", func() { r.source.evidence.Echo(time.Now()) }},
				} {
					begun := time.Now()
					step.change()
					r.each(many, func(i int) error {
						return all[i].until(func() bool { return all[i].push == step.push })
					})
					if once := time.Since(begun); took[step.push] == 0 || once < took[step.push] {
						took[step.push] = once
					}
				}
			}
			t.Log(took)
			for push, took := range took {
				if took > within {
					t.Errorf("%s was known to all %d streams after %v", push, many, took)
				}
			}
		})
	}
}

// Goodbyes fill the window: none comes before its time, whoever comes late gets one at once, and the last one
// is the end.
func TestDrainOnTheWire(t *testing.T) {
	const many, window, slice = 500, time.Second, 20 * time.Millisecond
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := wire(t, func(o *gateway.Options) {
				quiet(o)
				o.DrainDelay, o.DrainWindow = 0, window
			})
			c := client(t, k.crowd())
			all := r.crowd(c, many, "/events?project=42")
			begun := time.Now()
			drained := r.drains()
			at := make([]time.Duration, many)
			first := make(chan struct{}, many)
			var group errgroup.Group
			for i, e := range all {
				group.Go(func() error {
					if err := e.seen("goodbye", 1); err != nil {
						return err
					}
					at[i] = time.Since(begun)
					first <- struct{}{}
					return e.end()
				})
			}
			<-first
			late := must[*ear](t)(r.hear(c, "/events?project=42"))
			if err := late.end(); err != nil || late.goodbye != "drain" || late.counts["hello"] > 0 {
				t.Errorf("late: %v %v", late.counts, err)
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
			for _, e := range all {
				if e.goodbye != "drain" {
					t.Fatalf("goodbye %s", e.goodbye)
				}
			}
			slices.Sort(at)
			for i, when := range at { // a busy machine makes them late, nothing makes them early
				if due := window * time.Duration(i) / many; when < due-slice {
					t.Fatalf("goodbye %d came after %v, and was due after %v", i, when, due)
				}
			}
			if took := <-drained; took < window-slice || took >= window+grace+busyMost {
				t.Errorf("drained after %v, the last goodbye came after %v", took, at[many-1])
			}
		})
	}
}

// grace is how long a goodbye may take to reach a slow reader.
const grace = 2 * time.Second

// drains drains in the background; the channel says how long it took.
func (r *rig) drains() <-chan time.Duration {
	begun, done := time.Now(), make(chan time.Duration, 1)
	go func() {
		r.Drain(context.Background())
		done <- time.Since(begun)
	}()
	return done
}

// When the last stream has gone, nobody waits for the rest of the window.
func TestDrainEndsWithTheLastStreamOnTheWire(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		r := wire(t, func(o *gateway.Options) {
			quiet(o)
			o.DrainDelay, o.DrainWindow = 0, time.Hour
		})
		all := r.crowd(client(t, k.transport()), 20, "/events?project=42")
		drained := r.drains()
		for _, e := range all {
			e.leave()
		}
		select {
		case <-drained:
		case <-time.After(patience):
			t.Errorf("%s: drains still, though all have gone", k.name)
		}
	}
}

// Readers that are stuck hold nobody up for longer than window and grace.
func TestDrainWithStuckReadersOnTheWire(t *testing.T) {
	const stuck, others, window = 20, 30, time.Second
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel() // to each other
			r := wire(t, func(o *gateway.Options) {
				quiet(o)
				o.DrainDelay, o.DrainWindow = 0, window
			})
			c := client(t, k.crowd())
			r.crowd(c, stuck, "/events?project=big") // and reads nothing more
			all := r.crowd(c, others, "/events?project=42")
			r.crowdFull(c, "big") // last of all: the kernel finds a little more room after a while
			drained := r.drains()
			r.each(others, func(i int) error { return all[i].end() })
			for _, e := range all {
				if e.goodbye != "drain" {
					t.Fatalf("goodbye %q", e.goodbye)
				}
			}
			select {
			case took := <-drained:
				if took < window+grace/2 || took > window+grace+busyMost {
					t.Errorf("drained after %v, of a window of %v and %v for the slow", took, window, grace)
				}
			case <-time.After(patience):
				t.Error("stuck readers hold the drain up")
			}
		})
	}
}

// crowdFull publishes until those who do not read take no more, one version at a time: only a reader that
// comes and goes with this call gets any.
func (r *rig) crowdFull(c *http.Client, project string) {
	r.t.Helper()
	const batch = 50
	e := must[*ear](r.t)(r.hear(c, "/events?project="+project))
	defer e.leave()
	if err := e.seen("padding", 1); err != nil {
		r.t.Fatal(err)
	}
	v := e.versions[project] + 1
	for idle := 0; idle < 5; { // in a single batch their turn may not have come
		before := r.metric(versionsSent)
		for range batch {
			r.publish(large(r.t, project, v, 8000))
			if err := e.at(project, v); err != nil {
				r.t.Fatal(err)
			}
			v++
		}
		idle++
		if r.metric(versionsSent)-before > batch {
			idle = 0
		}
	}
}
