package simulate

import "time"

// Act is a fault or another change of the fleet.
type Act struct {
	At    time.Duration // after the measurement began
	Phase string        // name of the time after it; "": the phase before goes on
	Do    Action        // nil: nothing
}

// Action changes the fleet.
type Action func(*simulation)

// KillRedis ends Redis like a crash, and StartRedis starts it again, with everything that it had stored.
func KillRedis(w *simulation)  { w.killRedis() }
func StartRedis(w *simulation) { w.redis.down = false }

// BreakSubscriptions breaks the connections of all gateways to Redis, which accepts new ones at once.
func BreakSubscriptions(w *simulation) { w.eachGateway((*gateway).disconnect) }

// Kill ends a gateway like a crash, and Start starts it again. Gateways are numbered from 0.
func Kill(gateway int) Action  { return func(w *simulation) { w.gateways[gateway].stop() } }
func Start(gateway int) Action { return func(w *simulation) { w.gateways[gateway].start() } }

// Deploy restarts all gateways, one after the other.
func Deploy(w *simulation) { w.rolling = true; w.gateways[0].leave() }

// Flag switches push for the whole fleet.
func Flag(on bool) Action { return func(w *simulation) { w.setFlag(on) } }

// Slow makes the application take this much longer for each answer.
func Slow(by time.Duration) Action {
	return func(w *simulation) {
		w.application.latency = float64((w.o.Latency + by).Milliseconds())
	}
}

// scripts are all scripts. The first is the default.
var scripts = []struct {
	name, says string
	acts       []Act
}{
	{"steady", "nothing happens", nil},
	{"redis", "Redis is down for 60 s", []Act{
		{2 * time.Minute, "redis down", KillRedis},
		{3 * time.Minute, "redis back", StartRedis},
	}},
	{"kill", "all gateways are killed, and start again 30 s later", []Act{
		{2 * time.Minute, "killed", func(w *simulation) { w.eachGateway((*gateway).stop) }},
		{2*time.Minute + 30*time.Second, "started", func(w *simulation) { w.eachGateway((*gateway).start) }},
	}},
	{"deploy", "all gateways restart, one after the other", []Act{
		{2 * time.Minute, "deploy", Deploy},
	}},
	{"flag", "push is switched off, and on again 5 minutes later", []Act{
		{2 * time.Minute, "flag off", Flag(false)},
		{7 * time.Minute, "flag on", Flag(true)},
	}},
	{"partition", "half of the gateways cannot reach Redis for 60 s", []Act{
		{2 * time.Minute, "cut off", func(w *simulation) { w.partition(true) }},
		{3 * time.Minute, "joined", func(w *simulation) { w.partition(false) }},
	}},
	{"slow", "the application takes 12 s longer for each answer, for 3 minutes", []Act{
		{2 * time.Minute, "slow", Slow(12 * time.Second)},
		{5 * time.Minute, "quick again", Slow(0)},
	}},
	{"gap", "the subscriptions of all gateways break, and are confirmed again at once", []Act{
		{2 * time.Minute, "broken", BreakSubscriptions},
	}},
	{"crowd", "one project that everybody watches changes every second", nil},
	{"herd", "one project that every fifth page watches changes every 5 s", nil},
}

func (w *simulation) play() []Act {
	if w.o.Play != nil {
		return w.o.Play.Acts
	}
	for _, s := range scripts {
		if s.name == w.o.Script {
			return s.acts
		}
	}
	return nil
}

func (w *simulation) eachGateway(do func(*gateway)) {
	for _, g := range w.gateways {
		do(g)
	}
}

// rollOn continues a rolling deploy when a gateway is ready again.
func (w *simulation) rollOn(index int) {
	if index+1 < len(w.gateways) {
		w.gateways[index+1].leave()
	} else {
		w.rolling = false
	}
}

// partition cuts half of the gateways off from Redis: messages are lost without an error.
func (w *simulation) partition(cut bool) {
	for _, g := range w.gateways[:(len(w.gateways)+1)/2] {
		g.cut = cut
	}
}
