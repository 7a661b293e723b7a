package replay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"nudge/cmd/nudge/simulate"
	"nudge/fallback"
)

// Crowd is all pages of a play, and their application. All fields are needed.
type Crowd struct {
	Play *simulate.Play
	// Policy is that of the gateways: the promises follow from it.
	Policy fallback.Policy
	// Latency is how long the application takes to answer.
	Latency time.Duration
	// Gateways is where requests to gateways go. Nobody but the crowd uses it.
	Gateways *Balancer
	// Token returns the token of a page. It covers the page's projects, and each has another subject.
	Token func(page int) string
	// Publish tells of a new version. It is called from many goroutines; what comes back is only counted.
	Publish func(ctx context.Context, project string, version int64) error

	begun time.Time
	app   *application
	stats *stats
	http  *http.Client // to the application
	url   string
	tasks sync.WaitGroup
}

// Outcome is the result of a play.
type Outcome struct {
	simulate.Result
	// Unpublished are versions that Redis did not store, and Failed polls that got no answer.
	Unpublished, Failed int
	// Behind is the 99th percentile of the lateness of all timers of pages, in milliseconds: the delay that this machine adds.
	Behind float64
}

// Name is what the gateways call a project.
func Name(project uint32) string { return fmt.Sprint(project) }

// Run runs the play, which begins at begun, and returns when it is over. If ctx ends before, the outcome is not valid.
func (c *Crowd) Run(ctx context.Context, begun time.Time) (*Outcome, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.begun, c.url = begun, "http://"+listener.Addr().String()
	c.stats = newStats(c)
	c.app = newApplication(c)
	connections := &http.Transport{MaxIdleConnsPerHost: len(c.Play.Pages), DisableCompression: true}
	c.http = &http.Client{Transport: connections}
	server := &http.Server{Handler: c.app, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener)
	}()
	ctx, end := context.WithDeadline(ctx, begun.Add(c.Play.Length))
	defer end()
	pages := make([]*page, len(c.Play.Pages))
	for i := range pages {
		pages[i] = newPage(c, i)
		c.tasks.Go(func() { pages[i].run(ctx) })
	}
	c.tasks.Go(func() { c.Gateways.run(ctx) })
	c.tasks.Go(func() { c.change(ctx) })
	c.tasks.Wait()
	connections.CloseIdleConnections()
	c.Gateways.close()
	server.Close()
	<-served
	for _, p := range pages {
		p.finish()
	}
	return c.stats.outcome(), nil
}

// change makes the changes of the play, each at its time.
func (c *Crowd) change(ctx context.Context) {
	for _, change := range c.Play.Changes {
		if !wait(ctx, c.begun.Add(change.At)) {
			return
		}
		version := c.app.commit(change.Project)
		c.tasks.Go(func() { // however long Redis takes: the next change does not wait
			if c.Publish(ctx, Name(change.Project), version) != nil && ctx.Err() == nil {
				c.stats.unpublished()
			}
		})
	}
}

// wait waits until then; false: ctx ended before.
func wait(ctx context.Context, then time.Time) bool {
	timer := time.NewTimer(time.Until(then))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// now is the time in milliseconds since the play began, as pages count it.
func (c *Crowd) now() float64 { return millis(time.Since(c.begun)) }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func dice(page int) *rand.Rand { return rand.New(rand.NewPCG(uint64(page), 0x70616765)) }
