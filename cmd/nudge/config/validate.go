package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Purpose says which checks a configuration must pass.
type Purpose uint8

const (
	// ForCommands checks that the values do not contradict one another. For publish, watch, token, config print.
	ForCommands Purpose = iota
	// ForServing also checks that the gateway knows which tokens to accept. For serve, config check.
	ForServing
)

const (
	defaultPrefix = "nudge"
	maxProjects   = 64
	// day is the longest interval. Timers of browsers overflow after 24.8 days,
	// and jitter adds to the interval.
	day = 24 * time.Hour
)

// Validate checks ranges and contradictions. The error is Problems, which lists all mistakes. It opens no file and no
// connection.
func (c *Config) Validate(purpose Purpose) error { return c.check(purpose).err() }

func (c *Config) check(purpose Purpose) Problems {
	var r refusals
	c.checkServers(&r)
	c.checkRedis(&r)
	c.checkAuth(&r, purpose)
	c.checkPush(&r)
	c.checkPoll(&r)
	c.checkLimits(&r)
	c.checkHosts(&r)
	c.checkCORS(&r)
	r.within("drain.delay", c.Drain.Delay, 0, time.Hour)
	r.within("drain.window", c.Drain.Window, 0, time.Hour)
	return Problems(r)
}

// pattern is a project id, or the beginning of one and a star.
var pattern = regexp.MustCompile(`^([A-Za-z0-9._~:-]{1,128}|[A-Za-z0-9._~:-]{0,127}\*)$`)

const noPattern = " is no project; write 1 to 128 of A-Z a-z 0-9 . _ ~ : - and at most one * at the end"

func (c *Config) checkPush(r *refusals) {
	r.between("push.percent", c.Push.Percent, 0, 100)
	if c.Push.Percent < 100 && c.Auth.Open {
		r.refuse("push.percent", "%d needs the subjects of tokens, and auth.open has none; write 100, or use auth.secret", c.Push.Percent).
			and("auth.open")
	}
	for _, list := range []struct {
		key      string
		patterns []string
	}{{"push.include", c.Push.Include}, {"push.exclude", c.Push.Exclude}} {
		for _, text := range list.patterns {
			if !pattern.MatchString(text) {
				r.refuse(list.key, "%s"+noPattern, show(text))
			}
		}
	}
	r.within("push.ramp", c.Push.Ramp, 0, day)
}

func (c *Config) checkPoll(r *refusals) {
	p := c.Poll
	r.within("poll.fast", p.Fast, time.Second, day)
	r.within("poll.slow", p.Slow, 0, day)
	r.within("poll.longest", p.Longest, 0, day)
	r.within("poll.gap", p.Gap, 0, day)
	if p.Slow < p.Fast {
		r.refuse("poll.slow", "%s is below poll.fast (%s); write %[2]s or more", plain(p.Slow), plain(p.Fast)).and("poll.fast")
	}
	if p.Longest < p.Fast {
		r.refuse("poll.longest", "%s is below poll.fast (%s); write %[2]s or more", plain(p.Longest), plain(p.Fast)).and("poll.fast")
	}
	if p.Gap > p.Fast {
		r.refuse("poll.gap", "%s is above poll.fast (%s), so news would be slower than polling; write %[2]s or less", plain(p.Gap), plain(p.Fast)).
			and("poll.fast")
	}
	// Written so that NaN, which is neither below nor above anything, is refused.
	if !(p.Jitter >= 0 && p.Jitter < 1) {
		r.refuse("poll.jitter", "%s is not at least 0 and below 1; write 0.2", plain(p.Jitter))
	}
	if !(p.Budget >= 0 && p.Budget <= math.MaxInt32) {
		r.refuse("poll.budget", "%s is not a rate; write polls per second, or 0 for browsers ÷ poll.fast", plain(p.Budget))
	}
	r.within("heartbeat", c.Heartbeat, time.Second, time.Hour)
}

func (c *Config) checkLimits(r *refusals) {
	l := c.Limits
	for _, limit := range []struct {
		key   string
		value int
	}{
		{"limits.streams", l.Streams},
		{"limits.goroutine_streams", l.GoroutineStreams},
		{"limits.streams_per_subject", l.StreamsPerSubject},
		{"limits.streams_per_address", l.StreamsPerAddress},
		{"limits.connections_per_address", l.ConnectionsPerAddress},
		{"limits.connects_per_second", l.ConnectsPerSecond},
		{"limits.projects", l.Projects},
		{"limits.connects_per_subject", l.ConnectsPerSubject},
		{"limits.polls_per_subject", l.PollsPerSubject},
		{"limits.versions_per_subject", l.VersionsPerSubject},
		{"limits.publishes_per_subject", l.PublishesPerSubject},
		{"limits.reports_per_subject", l.ReportsPerSubject},
		{"limits.shadow_per_subject", l.ShadowPerSubject},
		{"limits.sessions_per_subject", l.SessionsPerSubject},
		{"limits.revocations_per_subject", l.RevocationsPerSubject},
		{"limits.projects_per_subject", l.ProjectsPerSubject},
	} {
		r.between(limit.key, limit.value, 0, math.MaxInt32)
	}
	r.between("limits.projects_per_stream", l.ProjectsPerStream, 1, maxProjects)
	if n := l.ProjectsPerSubject; n > 0 && n < maxProjects {
		r.refuse("limits.projects_per_subject", "%d is below %d, which one stream may have; write %[2]d or more, or 0 for 4,096", n, maxProjects)
	}
	if l.StreamAge != 0 && l.StreamAge < 5*time.Second {
		r.refuse("limits.stream_age", "%s is below 5s; write 5s or more, or 0s for no limit", plain(l.StreamAge))
	}
	if l.Body < KiB || l.Body > 16*MiB {
		r.refuse("limits.body", "%v is not between 1KiB and 16MiB; write one in between, such as 64KiB", l.Body)
	}
	for _, text := range l.TrustedProxies {
		network, err := parseNetwork(text)
		switch {
		case err != nil:
			r.refuse("limits.trusted_proxies", "%s is no network; write one such as 10.0.0.0/8, or an address", show(text))
		case network != network.Masked():
			r.refuse("limits.trusted_proxies", "%s has bits beyond its mask; write %v", show(text), network.Masked())
		}
	}
}

// refusals collects problems. Each method adds one if its rule is broken.
type refusals Problems

func (r *refusals) refuse(key, format string, args ...any) *refusals {
	*r = append(*r, Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	return r
}

// and adds the other keys of a contradiction to the last problem. If the first key has its default, the message names the
// line of one of these keys.
func (r *refusals) and(keys ...string) { (*r)[len(*r)-1].also = keys }

func (r *refusals) within(key string, d, least, most time.Duration) {
	switch {
	case d < least:
		r.refuse(key, "%s is below %s; write %[2]s or more", plain(d), plain(least))
	case d > most:
		r.refuse(key, "%s is above %s; write %[2]s or less", plain(d), plain(most))
	}
}

func (r *refusals) between(key string, n, least, most int) {
	switch {
	case n < least:
		r.refuse(key, "%d is below %d; write %[2]d or more", n, least)
	case n > most:
		r.refuse(key, "%d is above %d; write %[2]d or less", n, most)
	}
}

func (r *refusals) oneOf(key, value string, known ...string) {
	if !slices.Contains(known, value) {
		last := len(known) - 1
		r.refuse(key, "%s is unknown; write %s or %s", show(value), strings.Join(known[:last], ", "), known[last])
	}
}
