package doctor

import (
	"context"
	"time"
)

// wholeWay publishes a version through Redis, and waits for it on the stream.
func (x *exam) wholeWay(ctx context.Context) bool {
	why := ""
	switch {
	case x.Publish == nil:
		why = x.NoPublish
	case !x.covered(TestProject):
		why = "the token does not cover the project " + TestProject
	case x.push == "down" || x.done("push") && x.push == "":
		why = "push is broken"
	case x.stream == nil:
		why = "no stream gets events"
	}
	if why != "" {
		x.skip("redis", why)
		return true
	}
	began := time.Now()
	v := began.UnixMilli() // greater than at the last run
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := x.Publish(within, v); err != nil {
		x.broken("redis", "", "correct redis in this configuration; nudge publish "+TestProject+"@1 does the same", "publish: %v", err)
		return true
	}
	arrived := x.stream.until(ctx, began.Add(proof), func(e event) bool {
		return e.data.Project == TestProject && e.data.Version >= v || e.data.Versions[TestProject] >= v
	})
	switch {
	case arrived == nil && x.stream.lived() > 0:
		x.skip("redis", "the stream ended meanwhile")
	case arrived == nil:
		x.broken("redis", "", "give the gateway and the publisher the same redis.url, redis.db and redis.prefix",
			"Redis took a version, but the gateway did not send it within %v: it listens to another Redis", proof)
	default:
		x.ok("redis", "a version was on the stream %s after it was published", seconds(arrived.at.Sub(began)))
	}
	return true
}
