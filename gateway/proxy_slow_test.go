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
	control := r.listener("42")
	var group errgroup.Group
	var all []*line
	for i := range 12 {
		l := r.knock(asking(protos[i%2], "42"))
		l.SetDeadline(time.Time{}) // until all is published, however long that takes
		all = append(all, l)
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
	for v := range int64(versions) {
		r.publish(large(t, "42", v+1, size))
		if err := control.soonAt("42", v+1); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range all {
		l.SetDeadline(time.Now().Add(patience))
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
	control := r.listener("42")
	publish := func(from, to int64) {
		for v := from; v <= to; v++ {
			r.publish(large(t, "42", v, size))
			if err := control.soonAt("42", v); err != nil { // each, before the next is published: nobody delays it
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
	r.each(readers, func(i int) error { return all[i].soonAt("42", versions) })
	for _, l := range all {
		if n := l.counts["version"]; n > versions*3/4 {
			t.Errorf("%s: %d of %d versions were kept for a reader that did not read", l.resp.Proto, n, versions)
		}
	}
	if n := r.streams(); n != readers+1 {
		t.Errorf("%d streams", n)
	}
}

// listener opens a stream that is read by the test itself.
func (r *rig) listener(project string) *line {
	r.t.Helper()
	l := r.knock(asking("HTTP/1.1", project))
	if err := l.greeted(); err != nil {
		r.t.Fatal(err)
	}
	return l
}

// soonAt is at, within patience from now. The deadline of knock counts from the connection's begin: on a busy machine a
// thousand versions one after the other take longer than that, though none of them is late.
func (l *line) soonAt(project string, v int64) error {
	l.SetDeadline(time.Now().Add(patience))
	return l.at(project, v)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // pools give up theirs at the second
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
