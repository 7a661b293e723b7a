//go:build unix

package faults

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// projects are busy, published to all the time; missed, only while the fault lasts, the later half of them for a second
// more, so that nothing makes up for what was not heard; or quiet, published to once, before it.
const (
	projects = 200
	busy     = 100
	missed   = 50
)

// trouble says which of the missed projects are published to.
type trouble uint8

const (
	over     trouble = iota // none
	lasting                 // all
	repaired                // the later half
)

// project is the name of the i-th one.
func project(i int) string { return fmt.Sprintf("p%03d", i%projects) }

// watched are the projects of the i-th stream: mostly one, for every fifth three.
func watched(i int) []string {
	if i%5 != 0 {
		return []string{project(i)}
	}
	return []string{project(i), project(i + projects/4), project(i + projects/2)}
}

// application publishes numbered versions, and remembers which ones were acknowledged. A publication that
// failed is not repeated: the next has the next number.
type application struct {
	begun time.Time

	mu      sync.Mutex // guards all below
	to      *redis.Source
	news    []publication
	numbers map[string]int64 // the last one of each project
	trouble trouble
}

// stride is between two versions of a project, so that an application that was restored can count on from an older one
// without using a number twice.
const stride = 10

func newApplication(begun time.Time) *application {
	return &application{begun: begun, numbers: map[string]int64{}}
}

// move makes the application publish elsewhere.
func (d *application) move(t testing.TB, o redis.Options) {
	t.Helper()
	to, err := redis.New(version.NewBoard(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(to.Close)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to = to
}

// open publishes a first version of every project.
func (d *application) open(t testing.TB) {
	t.Helper()
	for i := range projects {
		if err := d.publish(project(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// run publishes until ctx ends: 100 versions a second, and in trouble 100 more.
func (d *application) run(ctx context.Context) {
	tick := time.NewTicker(time.Second / 100)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_ = d.publish(project(i % busy))
		d.mu.Lock()
		now := d.trouble
		d.mu.Unlock()
		if late := i%missed >= missed/2; now == lasting || now == repaired && late {
			_ = d.publish(project(busy + i%missed))
		}
	}
}

// publish publishes the next version of a project.
func (d *application) publish(p string) error {
	place, n := d.write(p, func(last int64) int64 { return last + stride }, false)
	return d.acknowledge(place, d.send(n))
}

// reset takes a project back to a lower version, which it never had.
func (d *application) reset(p string) error {
	place, n := d.write(p, func(last int64) int64 { return last - 2*stride + 1 }, true)
	return d.acknowledge(place, d.send(n))
}

// bare publishes the next version of a project as an application does that leaves keys alone.
func (d *application) bare(server *redistest.Server, p string) error {
	place, n := d.write(p, func(last int64) int64 { return last + stride }, false)
	_, err := server.Try("PUBLISH", channel(p), int64(n.Version))
	return d.acknowledge(place, err)
}

// write puts a publication into the book before it is sent, since it may be heard before it is acknowledged.
func (d *application) write(p string, next func(last int64) int64, reset bool) (place int, n version.News) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.numbers[p] == 0 {
		d.numbers[p] = 1000
	}
	d.numbers[p] = next(d.numbers[p])
	d.news = append(d.news, publication{project: p, version: d.numbers[p], reset: reset, begun: time.Since(d.begun)})
	id, _ := version.ParseProject(p) // they are all right
	return len(d.news) - 1, version.News{Project: id, Version: version.Version(d.numbers[p]), Reset: reset}
}

func (d *application) acknowledge(place int, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.news[place].acked = time.Since(d.begun)
	}
	return err
}

func (d *application) send(n version.News) error {
	d.mu.Lock()
	to := d.to
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	receipt, err := to.Publish(ctx, []version.News{n})
	if err == nil && receipt.Accepted == 0 {
		err = fmt.Errorf("%s@%d is stale", n.Project, n.Version)
	}
	return err
}

// turn says how far the fault has come.
func (d *application) turn(t trouble) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble = t
}

// published is the book so far.
func (d *application) published() []publication {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]publication(nil), d.news...)
}

// remember notes the numbers of now; what returns goes on from there, as an application does that was restored.
func (d *application) remember() (restore func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	then := maps.Clone(d.numbers)
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for p, n := range then {
			d.numbers[p] = n + stride/2
		}
	}
}
