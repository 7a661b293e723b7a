//go:build linux

package gateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"nudge/gateway"
)

// behind runs f with a gateway behind each proxy: r is asked directly, via through the proxy.
func behind(t *testing.T, change func(*gateway.Options), f func(t *testing.T, r, via *rig, c *http.Client)) {
	t.Parallel()
	for name, p := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := wire(t, change)
			via := *r
			via.url = p.before(t, r)
			f(t, r, &via, client(t, &http.Transport{DisableCompression: true}))
		})
	}
}

// Nothing is held back on the way: neither the hello until more comes, nor news until a heartbeat.
func TestProxiesStream(t *testing.T) {
	behind(t, quiet, func(t *testing.T, r, via *rig, c *http.Client) {
		const tries = 3 // a busy machine may look at the hello late
		early := false
		for range tries {
			e := must[*ear](t)(via.hear(c, "/events?project=42&project=7&project=9"))
			if err := e.seen("padding", 1); err != nil {
				t.Fatal(err)
			}
			if early = e.counts["heartbeat"] == 0; early {
				break
			}
		}
		if !early {
			t.Error("the hello comes no earlier than the heartbeat after it")
		}
		e := must[*ear](t)(via.hear(c, "/events?project=42&project=7&project=9"))
		if err := e.seen("heartbeat", 1); err != nil { // the next one is minutes away
			t.Fatal(err)
		}
		for v := range int64(5) {
			for _, project := range []string{"42", "7", "9"} {
				r.news(fmt.Sprintf("%s@%d", project, v+1))
				if err := e.at(project, v+1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := e.counts["heartbeat"]; n != 1 {
			t.Errorf("%d heartbeats: news may have come with them", n)
		}
	})
}

// Many streams at once are told news and the end, all of it; each ends cleanly.
func TestProxiesCarryMany(t *testing.T) {
	const many = 200
	calm := func(o *gateway.Options) {
		quiet(o)
		o.DrainDelay, o.DrainWindow = 0, time.Second
	}
	behind(t, calm, func(t *testing.T, r, via *rig, c *http.Client) {
		all := via.crowd(c, many, "/events?project=42&project=7")
		r.news("42@1", "7@1", "42@2")
		via.each(many, func(i int) error {
			if err := all[i].at("42", 2); err != nil {
				return err
			}
			return all[i].at("7", 1)
		})
		drained := r.drains()
		via.each(many, func(i int) error { return all[i].end() })
		for _, e := range all {
			if e.goodbye != "drain" {
				t.Fatalf("ends with %q after %v", e.goodbye, e.counts)
			}
		}
		<-drained
		r.none()
	})
}

// A browser that goes lets go of the gateway's stream, too: by its connection's end, or at the next write.
func TestProxiesLetGo(t *testing.T) {
	const many = 50
	behind(t, brisk, func(t *testing.T, r, via *rig, c *http.Client) {
		all := via.crowd(c, many, "/events?project=42")
		if n := r.streams(); n != many {
			t.Errorf("%d streams", n)
		}
		for _, e := range all[:many-1] {
			e.leave()
		}
		r.until(func() bool { return r.streams() == 1 })
		r.news("42@1")
		if err := all[many-1].at("42", 1); err != nil {
			t.Error(err)
		}
		all[many-1].leave()
		r.none()
	})
}
