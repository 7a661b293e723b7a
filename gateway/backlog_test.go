package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"nudge/gateway"
	"nudge/version"
)

// A subscription that breaks and is confirmed again makes no browser poll, so it takes no room from news. With
// the defaults of this test 1,500 polls that nobody makes would be spread over the whole interval.
func TestConfirmedSubscriptionIsNoNews(t *testing.T) {
	bubble(t, func(o *gateway.Options) {
		o.Settings.Policy.Slow, o.Settings.Policy.Budget = 30*time.Second, 200
	}, func(t *testing.T, r *rig) {
		var streams []*tap
		for i := range 300 {
			r.news(fmt.Sprintf("p%d@1", i))
			s := r.open(fmt.Sprintf("/events?project=p%d", i))
			s.next("hello")
			streams = append(streams, s)
		}
		r.hears(40*time.Second, says("b", 1200))

		r.source.board.Gap()
		for i := range streams {
			r.source.board.Confirm(mark(t, fmt.Sprintf("p%d@1", i)).Project, version.Key{Version: 1, Known: true}, 1)
		}
		time.Sleep(time.Millisecond)
		for i := 2; i < 14; i++ {
			r.news(fmt.Sprintf("p7@%d", i))
			if got := streams[7].find("version").json(t)["spread_ms"]; got != 0.0 {
				t.Fatalf("%d s after the subscription was confirmed news of 5 watchers is spread over %v ms", i-2, got)
			}
			r.hears(time.Second, says("b", 1200))
		}
	})
}
