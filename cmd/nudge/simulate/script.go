package simulate

// act is something that is done to the world.
type act struct {
	at    int64 // milliseconds after the measurement began
	phase string
	do    func(*world)
}

const minute = 60_000

// scripts are all there are. The first is what is played when none is named.
var scripts = []struct {
	name, says string
	acts       []act
}{
	{"steady", "nothing happens", nil},
	{"redis", "Redis is down for 60 s", []act{
		{2 * minute, "redis down", (*world).killRedis},
		{3 * minute, "redis back", (*world).startRedis},
	}},
	{"kill", "all gateways are killed, and start again 30 s later", []act{
		{2 * minute, "killed", func(w *world) { w.eachGateway((*gateway).stop) }},
		{2*minute + 30_000, "started", func(w *world) { w.eachGateway((*gateway).start) }},
	}},
	{"deploy", "all gateways restart, one after the other", []act{
		{2 * minute, "deploy", func(w *world) { w.rolling = true; w.gateways[0].leave() }},
	}},
	{"flag", "push is switched off, and on again 5 minutes later", []act{
		{2 * minute, "flag off", func(w *world) { w.turnFlag(false) }},
		{7 * minute, "flag on", func(w *world) { w.turnFlag(true) }},
	}},
	{"partition", "half of the gateways cannot reach Redis for 60 s", []act{
		{2 * minute, "cut off", func(w *world) { w.partition(true) }},
		{3 * minute, "joined", func(w *world) { w.partition(false) }},
	}},
	{"crowd", "one project that everybody watches changes every second", nil},
}

func (w *world) play() []act {
	for _, s := range scripts {
		if s.name == w.o.Script {
			return s.acts
		}
	}
	return nil
}

func (w *world) eachGateway(do func(*gateway)) {
	for _, g := range w.gateways {
		do(g)
	}
}

// rollOn goes on with a rolling deploy when a gateway is ready again.
func (w *world) rollOn(index int) {
	if index+1 < len(w.gateways) {
		w.gateways[index+1].leave()
	} else {
		w.rolling = false
	}
}

// partition cuts half of the gateways off from Redis: what is sent goes nowhere, and nobody is told.
func (w *world) partition(cut bool) {
	for _, g := range w.gateways[:(len(w.gateways)+1)/2] {
		g.cut = cut
	}
}
