package load

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestSeen(t *testing.T) {
	log := []int64{10, 20, 30, 40}
	for _, tt := range []struct {
		name    string
		seen    seen
		skipped int64
		behind  bool
	}{
		{"all came", seen{0, 40, 4}, 0, false},
		{"one was jumped over", seen{0, 40, 3}, 1, false},
		{"only the newest came", seen{5, 40, 1}, 3, false},
		{"its hello had two, and the rest came", seen{20, 40, 2}, 0, false},
		{"its hello had all", seen{40, 40, 0}, 0, false},
		{"the last is missing: lost, not skipped", seen{0, 30, 3}, 0, true},
		{"nothing came: nothing skipped", seen{0, 0, 0}, 0, true},
		{"one came whose publishing seemed to fail", seen{0, 50, 5}, 0, false},
	} {
		if skipped, behind := tt.seen.skipped(log), tt.seen.behind(log); skipped != tt.skipped || behind != tt.behind {
			t.Errorf("%s: %d skipped, behind %v; want %d, %v", tt.name, skipped, behind, tt.skipped, tt.behind)
		}
	}
	if (seen{}).behind(nil) {
		t.Error("a project without advances has streams behind")
	}
}

func TestWatchers(t *testing.T) {
	var c watchers
	steps := []struct {
		name     string
		do       func()
		allThere bool
	}{
		{"nobody", func() {}, false},
		{"the first comes", func() { c.join(0) }, true},
		{"told once", func() {}, false},
		{"two more, one of them older", func() { c.join(5); c.join(3) }, false},
		{"one moves up", func() { c.arrive(5) }, false},
		{"the last moves up", func() { c.arrive(5) }, true},
		{"one has the next", func() { c.arrive(7) }, false},
		{"another has it", func() { c.arrive(7) }, false},
		{"the third leaves without it", func() { c.leave(5) }, true},
		{"a new one comes with less", func() { c.join(5) }, false},
		{"two have the next", func() { c.arrive(9); c.arrive(9) }, false},
		{"one of them leaves: the third is still without it", func() { c.leave(9) }, false},
		{"it leaves, too", func() { c.leave(5) }, true},
		{"all leave", func() { c.leave(9) }, false},
	}
	for _, s := range steps {
		s.do()
		if got := c.allThere(); got != s.allThere {
			t.Fatalf("%s: allThere %v with %+v", s.name, got, c)
		}
	}
}

func TestDeliveries(t *testing.T) {
	f := newDeliveries()
	f.watch([][]int32{{5, 0}, {5, 0}}) // two workers; nobody watches project 1
	f.add(1, 100)
	if f.count != 0 {
		t.Fatal("an advance that nobody watches is waited for")
	}
	f.add(0, 100)
	f.add(0, 200)
	f.arrive(0, []arrival{{0, 100, 150}})
	f.arrive(1, []arrival{{0, 100, 160}})
	if f.count != 1 || f.whole != 1 || f.all.Max() < 60 || f.all.Max() > 61 {
		t.Fatalf("after all had the first: %d on their way, %d whole, longest %d µs", f.count, f.whole, f.all.Max())
	}
	f.add(0, 300)
	f.arrive(1, []arrival{{0, 200, 210}})
	f.arrive(0, []arrival{{0, 300, 310}}) // 200 was jumped over here
	if f.count != 1 || f.whole != 1 {
		t.Fatalf("after one was superseded: %d on their way, %d whole", f.count, f.whole)
	}
	f.arrive(1, []arrival{{0, 300, 330}})
	if f.count != 0 || f.whole != 2 || len(f.pending) != 0 {
		t.Fatalf("at the end: %d on their way, %d whole, %v", f.count, f.whole, f.pending)
	}
	f.add(0, 400)
	if f.waitBelow(t.Context(), 1, time.Millisecond) {
		t.Error("the window is open with one on its way")
	}
	go f.arrive(0, []arrival{{0, 400, 410}})
	go f.arrive(1, []arrival{{0, 400, 410}})
	if !f.waitBelow(t.Context(), 1, time.Minute) {
		t.Error("an arrival does not open the window")
	}
	f.add(0, 500)
	if n := f.forget(0, 500); n != 0 || f.count != 1 {
		t.Error("forget takes what is not its")
	}
	if n := f.forget(0, 501); n != 1 || f.count != 0 {
		t.Error("forget leaves what is its")
	}
}

// What failed is in no log and in no deliveries; what is published twice in a microsecond still grows.
func TestPublisher(t *testing.T) {
	f := newDeliveries()
	f.watch([][]int32{{1, 1}})
	broken := errors.New("broken")
	var fail error
	var all []Advance
	p := newPublisher(layout{"x-", 2, 1}, func() int64 { return 1000 }, func(_ context.Context, a []Advance) (int, error) {
		all = append(all, a...)
		return 0, fail
	}, f)
	p.some(t.Context(), 5)
	want := []Advance{{"x-0", 1000}, {"x-1", 1000}, {"x-0", 1001}, {"x-1", 1001}, {"x-0", 1002}}
	for i := range want {
		if all[i] != want[i] {
			t.Fatalf("published %v, want %v", all, want)
		}
	}
	if p.done != 5 || f.count != 5 || len(p.log[0]) != 3 || len(p.log[1]) != 2 {
		t.Errorf("%d done, %d on their way, log %v", p.done, f.count, p.log)
	}
	fail = broken
	f.forget(0, 1<<60)
	p.some(t.Context(), 3)
	if p.failed != 3 || !errors.Is(p.failure, broken) || f.count != 0 || len(p.log[0]) != 3 || len(p.log[1]) != 2 {
		t.Errorf("after a failure: %d failed, %v, %d on their way, log %v", p.failed, p.failure, f.count, p.log)
	}
}

// The rate is kept, by what is due and not by pauses.
func TestPaced(t *testing.T) {
	began := time.Now()
	n := 0
	p := newPublisher(layout{"x-", 3, 1}, func() int64 { return time.Since(began).Microseconds() }, func(_ context.Context, a []Advance) (int, error) {
		n += len(a)
		return 0, nil
	}, newDeliveries())
	p.paced(t.Context(), 1500, 300*time.Millisecond)
	if took := time.Since(began); n != 450 || p.done != 450 || took < 300*time.Millisecond {
		t.Errorf("%d advances in %v, want 450 in 300 ms", n, took)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	p.paced(ctx, 1, time.Hour)
	if p.done > 451 {
		t.Error("it publishes after its end")
	}
}
