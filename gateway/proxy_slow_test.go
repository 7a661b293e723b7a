package gateway_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// Readers that sip while versions are published fast see whole frames and no version twice, and end on the
// newest.
func TestSippers(t *testing.T) {
	t.Parallel()
	const versions, size = 1000, 3000
	r := wire(t, quiet)
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group errgroup.Group
	for i := range 12 {
		l := r.knock(asking(protos[i%2], "42"))
		group.Go(func() error {
			if err := l.greeted(); err != nil {
				return err
			}
			most := []int{1, 40, 700, 5000}[i/2%4]
			pace := time.NewTicker(2 * time.Millisecond)
			defer pace.Stop()
			for b := make([]byte, most); stop.Err() == nil; <-pace.C {
				n, err := l.resp.Body.Read(b[:1+rand.IntN(most)])
				if err != nil {
					return err
				}
				if err := l.take(b[:n]); err != nil {
					return err
				}
			}
			return l.at("42", versions)
		})
	}
	control := must[*ear](t)(r.hear(client(t, thin{}), "/events?project=42"))
	for v := range int64(versions) {
		r.publish(large(t, "42", v+1, size))
		if err := control.at("42", v+1); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// Who never reads delays nobody and costs nothing while thousands of versions are published, and once it
// reads again it gets whole frames, few of those that it missed, and the newest.
func TestNeverReads(t *testing.T) {
	const some, versions, size, readers = 500, 2000, 5000, 12
	r := wire(t, quiet)
	var all []*line
	for i := range readers {
		l := r.knock(asking(protos[i%2], "42"))
		if err := l.greeted(); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	control := must[*ear](t)(r.hear(client(t, thin{}), "/events?project=42"))
	publish := func(from, to int64) {
		for v := from; v <= to; v++ {
			r.publish(large(t, "42", v, size))
			if err := control.at("42", v); err != nil { // each, before the next is published: nobody delays it
				t.Fatal(err)
			}
		}
	}
	publish(1, some)
	before := heap()
	publish(some+1, versions)
	if grown := int64(heap()) - int64(before); grown > 4<<20 {
		t.Errorf("%d KiB more for %d versions and %d readers that do not read", grown>>10, versions-some, readers)
	}
	r.each(readers, func(i int) error { return all[i].at("42", versions) })
	for _, l := range all {
		if n := l.counts["version"]; n > versions*3/4 {
			t.Errorf("%s: %d of %d versions were kept for a reader that did not read", l.resp.Proto, n, versions)
		}
	}
	if n := r.streams(); n != readers+1 {
		t.Errorf("%d streams", n)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // pools give up theirs at the second
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
