//go:build unix

package web_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"nudge/web/enginetest"
)

// soaked is how many pages live at once, each with a gateway of its own.
const soaked = 12

// made is when a version was, and whether anybody told of it.
type made struct {
	version int64
	at      time.Time
	told    bool
}

// Whatever happens to pages, in any order, each has every version within the bound of promise 1: two heartbeats and a wait at
// the old pace for one that was announced, a wait at the slow pace for one that was not. NUDGE_TEST_SOAK is how long it lasts
// (10s), NUDGE_TEST_SEED repeats what was drawn.
func TestSoak(t *testing.T) {
	length, seed := 10*time.Second, rand.Uint64()
	var err error
	if text := os.Getenv("NUDGE_TEST_SOAK"); text != "" {
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("NUDGE_TEST_SOAK: %v; say 10m", err)
		}
	}
	if text := os.Getenv("NUDGE_TEST_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("NUDGE_TEST_SEED: %v", err)
		}
	}
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		t.Logf("NUDGE_TEST_SEED=%d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		pages := started(t, good)
		tab := b.Open(t, pages.URL)
		tab.Until("window.begin")
		var gateways [soaked]*faulty
		var all [soaked][]made
		for i := range gateways {
			gateways[i] = soaking(t, rand.New(rand.NewPCG(seed, uint64(i+1))))
			enginetest.Eval[bool](tab, fmt.Sprintf("begin('%d', %q)", i, gateways[i].URL))
		}
		for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Duration(20+random.IntN(100)) * time.Millisecond) {
			i, now := random.IntN(soaked), time.Now()
			switch f := gateways[i]; random.IntN(5) {
			case 0:
				f.cut()
			case 1: // the publisher, or Redis, has lost it
				all[i] = append(all[i], made{f.unheard(), now, false})
			default:
				all[i] = append(all[i], made{f.commit(nil), now, true})
			}
		}
		const told, untold = 2*heartbeat + 2400*time.Millisecond, 72 * time.Second
		worst := map[bool]time.Duration{}
		var excuse time.Duration
		for i, f := range gateways {
			c := fmt.Sprintf("cases['%d']", i)
			last, _ := f.newest()
			tab.Until(fmt.Sprintf("%s.now.has === %d", c, last))
			excuse = time.Duration(slack(tab)+float64(speed)*enginetest.Eval[float64](tab, "slowest")) * time.Millisecond
			got := enginetest.Eval[[]struct{ Version, At int64 }](tab, c+".got")
			for _, m := range all[i] {
				for _, g := range got {
					if g.Version < m.version {
						continue
					}
					late := time.Duration(speed) * time.UnixMilli(g.At).Sub(m.at)
					worst[m.told] = max(worst[m.told], late)
					if most := map[bool]time.Duration{true: told, false: untold}[m.told] + excuse; late > most {
						t.Errorf("page %d had version %d after %s, where %s are promised (told: %t): %s", i, m.version, late, most, m.told, enginetest.Eval[string](tab, "JSON.stringify("+c+".states.slice(-20))"))
					}
					break
				}
			}
			pace := enginetest.Eval[struct{ Longest, Made, Most float64 }](tab, "pace("+c+")")
			if pace.Longest > 2400+float64(excuse.Milliseconds()) || pace.Made > pace.Most {
				t.Errorf("page %d: %+v", i, pace)
			}
		}
		t.Logf("at most %s (of %s) for what was announced, %s (of %s) for what was not; in the time of pages, which a busy machine may have made %s longer", worst[true], told, worst[false], untold, excuse)
	})
}

// soaking is a gateway to which anything may happen, by chance.
func soaking(t *testing.T, random *rand.Rand) *faulty {
	t.Helper()
	streams := []func(*exchange){
		short, torn, behind, buffered, mute(""), mute(event("hello", hello(100))), silenced,
		status(http.StatusNoContent), status(http.StatusUnauthorized), status(http.StatusBadGateway), media("text/html"), noise,
	}
	var f *faulty
	f = newFaulty(t, func(x *exchange) {
		f.mu.Lock()
		script := good
		if random.IntN(2) == 0 {
			script = streams[random.IntN(len(streams))]
		}
		f.mu.Unlock()
		script(x)
	})
	f.terms = func(_ int, w http.ResponseWriter) bool {
		f.mu.Lock()
		draw := random.IntN(10)
		f.mu.Unlock()
		switch draw {
		case 0:
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<title>Log in</title>")
		case 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return draw < 2
	}
	f.Start()
	return f
}

// silenced is a stream that is proven and then says nothing any more.
func silenced(x *exchange) {
	x.start()
	x.run(3*time.Second, x.send)
	x.pass(time.Hour)
}
