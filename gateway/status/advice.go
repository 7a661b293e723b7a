package status

// Advice is what a reason of push means, and what to do about it.
type Advice struct {
	Means string `json:"means"`
	Do    string `json:"do"`
}

// AdviceOn returns the advice on a reason; nil: there is none, as push is healthy.
func AdviceOn(reason string) *Advice {
	if a, known := advice[reason]; known {
		return &a
	}
	return nil
}

// advice is the first table of docs/reasons.md.
var advice = map[string]Advice{
	"starting":    {"no probe has come back since the gateway started", "wait some seconds; if it stays, see the log for the error of Redis"},
	"late-echo":   {"the newest probe is late", "if it repeats, look for a slow Redis or network"},
	"no-echo":     {"no probe comes back", "check that Redis runs, and that this gateway may publish and subscribe: docs/redis.md"},
	"source":      {"the connection to Redis is lost", "check Redis and the network; the gateway connects again by itself"},
	"recovering":  {"push was down, and is being tested", "wait for some probes"},
	"saturated":   {"the gateway has more work than it can do", "add gateways or CPU: docs/capacity.md"},
	"tick":        {"the application's ticks have stopped", "check the job of the application that publishes them"},
	"missed":      {"news of several projects was stored and did not arrive", "check the rights on channels in Redis: docs/redis.md"},
	"auth":        {"Redis refuses user or password", "set redis.username and redis.password"},
	"noperm":      {"the user of Redis lacks a right", "give it the rights in docs/redis.md"},
	"readonly":    {"this Redis is a replica", "let redis.addrs name the master"},
	"misconf":     {"Redis cannot save to disk, and takes no writes", "see the log of Redis; free disk space"},
	"oom":         {"the memory of Redis is full", "raise maxmemory, or find what fills it"},
	"noreplicas":  {"too few replicas follow the master", "start the replicas, or lower min-replicas-to-write"},
	"clusterdown": {"the Cluster does not serve all slots", "see CLUSTER INFO; restore the missing master"},
	"loading":     {"Redis reads its data set", "wait"},
}
