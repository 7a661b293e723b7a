//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"nudge/cmd/nudge/simulate"
	"nudge/cmd/nudge/simulate/replay"
	"nudge/fallback"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// replayOptions are the rules of the defaults, in a shorter time.
func replayOptions() simulate.Options {
	o := simulate.Options{
		Browsers: 2000, Gateways: 2, Seed: 1, Advances: 5,
		Probe: 500 * time.Millisecond, Ramp: 2 * time.Second, Latency: 100 * time.Millisecond, Network: time.Millisecond,
		Restart: 200 * time.Millisecond,
		Policy: fallback.Policy{
			Fast: 2 * time.Second, Slow: 10 * time.Second, Longest: time.Minute, Gap: time.Second, Jitter: 0.2, Heartbeat: 2 * time.Second,
		},
	}
	o.Drain.Delay, o.Drain.Window = time.Second, 2*time.Second
	return o
}

// replayConfig is the same for gateways.
const replayConfig = `listen: %s
ops_listen: 127.0.0.1:0
auth: {secret: %s}
redis: {mode: standalone, addrs: ["%s"], probe: 500ms}
push: {ramp: 2s}
poll: {fast: 2s, slow: 10s}
heartbeat: 2s
drain: {delay: 1s, window: 2s}
`

// action is what is done to a fleet: to that of the simulator, and to that of processes.
type action struct {
	at        time.Duration
	phase     string // "": the same
	simulated simulate.Action
	really    func()
}

// Two gateways, a Redis and 2,000 pages go through the same play as nudge simulate does, and come to the same figures.
func TestPace(t *testing.T) {
	if os.Getenv("NUDGE_TEST_PACE") == "" {
		t.Skip("takes a minute and a half, and the machine for itself: make pace")
	}
	o := replayOptions()
	play, err := simulate.Compose(o, 4*time.Second, 8*time.Second, 84*time.Second)
	must(t, err)
	redis := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always") // a crash costs it nothing
	crowd, files := replayCrowd(t, o, play, redis.Addr)

	gateways := make([]*gatewayProcess, len(files))
	begin := func(i int) { gateways[i] = serveFile(t, files[i]) }
	actions := []action{
		{0, "beginning", nil, func() { begin(0); begin(1) }},
		{9 * time.Second, "trust grows", nil, nil},
		{31 * time.Second, "steady", nil, nil},
		{41 * time.Second, "a gateway killed", simulate.Kill(0), func() { gateways[0].kill() }},
		{45 * time.Second, "", simulate.Start(0), func() { begin(0) }},
		{48 * time.Second, "rolling restart", simulate.Deploy, func() {
			for i, g := range gateways {
				g.signalled(syscall.SIGTERM)
				g.exit()
				begin(i)
			}
		}},
		{62 * time.Second, "redis down", simulate.KillRedis, redis.Kill},
		{67 * time.Second, "redis back", simulate.StartRedis, redis.Start},
		{73 * time.Second, "flag off", simulate.Flag(false), func() { pushed(t, 0, files[0], "off") }},
		{78 * time.Second, "flag on", simulate.Flag(true), func() { pushed(t, 0, files[0], "on") }},
	}
	for _, d := range actions {
		play.Acts = append(play.Acts, simulate.Act{At: d.at, Phase: d.phase, Do: d.simulated})
	}
	real := perform(t, crowd, actions)
	o.Play = play
	simulated, err := simulate.Run(o)
	must(t, err)
	t.Log(sideBySide(simulated, real))
	compare(t, simulated, real)
}

// replayCrowd makes the pages of a play, and configurations for two gateways. Redis gets the first version of each project.
func replayCrowd(t *testing.T, o simulate.Options, play *simulate.Play, redisAddr string) (c *replay.Crowd, files []string) {
	t.Helper()
	publisher, err := redis.New(version.NewBoard(), redis.Options{Addrs: []string{redisAddr}})
	must(t, err)
	t.Cleanup(func() { publisher.Close() })
	publish := func(ctx context.Context, name string, v int64) error {
		project, err := version.ParseProject(name)
		if err != nil {
			return err
		}
		_, err = publisher.Publish(ctx, []version.News{{Project: project, Version: version.Version(v)}})
		return err
	}
	tokens := make([]string, len(play.Pages))
	stored := map[uint32]bool{}
	for i, projects := range play.Pages {
		g := tokenClaims{subject: fmt.Sprint("page-", i)}
		for _, p := range projects {
			g.subscribe = append(g.subscribe, replay.Name(p))
			if !stored[p] {
				stored[p] = true
				must(t, publish(t.Context(), replay.Name(p), 0))
			}
		}
		tokens[i] = mint(t, g)
	}
	var urls []string
	for range o.Gateways {
		addr := redistest.FreeAddress(t)
		urls = append(urls, "http://"+addr)
		files = append(files, configFile(t, fmt.Sprintf(replayConfig, addr, testSecret, redisAddr)))
	}
	balancer, err := replay.NewBalancer(urls...)
	must(t, err)
	return &replay.Crowd{
		Play: play, Policy: o.Policy, Latency: o.Latency, Gateways: balancer, Publish: publish,
		Token: func(page int) string { return tokens[page] },
	}, files
}

// perform plays to real processes.
func perform(t *testing.T, crowd *replay.Crowd, actions []action) *replay.Outcome {
	t.Helper()
	_, err := binary() // built before the clock runs
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var outcome *replay.Outcome
	over := make(chan struct{})
	begun := time.Now()
	go func() {
		defer close(over)
		outcome, err = crowd.Run(ctx, begun)
	}()
	defer func() {
		stop()
		<-over
	}()
	for _, d := range actions {
		time.Sleep(time.Until(begun.Add(d.at))) // by the play
		if d.really != nil {
			d.really()
		}
	}
	<-over
	must(t, err)
	return outcome
}
