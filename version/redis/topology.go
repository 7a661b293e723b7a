package redis

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nudge/version"
)

// topology is the masters at one moment: one master, or several in a Cluster.
type topology struct {
	masters []master
	// slots has for each slot the place of its master in masters, or nobody; nil: the first serves everything.
	slots *[slotCount]uint16
}

// master is a server that accepts writes.
type master struct {
	addr string
	tag  string // a hash tag in one of its slots; "" outside a Cluster
}

// nobody marks a slot in topology.slots that no master serves.
const nobody = ^uint16(0)

// tagged returns the place in masters of the one that serves names with this hash tag, or this name if it has no tag;
// false: none does.
func (t topology) tagged(tag string) (int, bool) {
	if t.slots == nil {
		return 0, len(t.masters) > 0
	}
	i := t.slots[slotOf(tag)]
	return int(i), i != nobody
}

// share divides n things, each of a project, among the masters. It returns for each master the places of its things. Things
// that no master serves are left out.
func (t topology) share(n int, project func(place int) version.Project) map[int][]int {
	shares := map[int][]int{}
	for place := range n {
		if m, ok := t.tagged(project(place).String()); ok {
			shares[m] = append(shares[m], place)
		}
	}
	return shares
}

func (t topology) has(addr string) bool {
	return slices.ContainsFunc(t.masters, func(m master) bool { return m.addr == addr })
}

// finder finds the masters.
type finder struct {
	opt  *Options
	last atomic.Pointer[topology] // found last; nil: never
}

// findTime limits the search for the masters. Once enough servers have answered, it waits only lateTime for the others, since
// one may be frozen.
const (
	findTime = time.Second
	lateTime = 200 * time.Millisecond
)

// find asks who the masters are, over new connections.
func (f *finder) find(ctx context.Context) (topology, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	var t topology
	var err error
	switch f.opt.Mode {
	case Sentinel:
		t, err = f.askSentinels(ctx)
	case Cluster:
		t, err = f.askCluster(ctx)
	default:
		t = topology{masters: []master{{addr: f.opt.Addrs[0]}}}
	}
	if err == nil {
		f.last.Store(&t)
	}
	return t, err
}

// claim is the topology according to one Sentinel or one node of a Cluster.
type claim struct {
	epoch int64 // grows with each failover and each slot that moves
	topology
}

func newest(claims []claim) topology {
	return slices.MaxFunc(claims, func(a, b claim) int { return cmp.Compare(a.epoch, b.epoch) }).topology
}

// askAll asks all addresses at once. It returns when enough have answered, with their claims and those of others that answer
// soon after. If too few answer, the error is one that a server sent, if any did.
func askAll(ctx context.Context, addrs []string, enough int, ask func(context.Context, string) (claim, error)) ([]claim, error) {
	ctx, cancel := context.WithCancel(ctx)
	type outcome struct {
		claim
		err error
	}
	outcomes := make(chan outcome, len(addrs))
	var asking sync.WaitGroup
	for _, addr := range addrs {
		asking.Go(func() {
			c, err := ask(ctx, addr)
			outcomes <- outcome{c, err}
		})
	}
	defer asking.Wait()
	defer cancel()

	var claims []claim
	fault := errNoAnswer
	var late <-chan time.Time
	for range addrs {
		select {
		case o := <-outcomes:
			switch {
			case o.err == nil:
				claims = append(claims, o.claim)
			case errors.Is(fault, errNoAnswer) || isReply(o.err) && !isReply(fault):
				fault = o.err
			}
			if len(claims) == enough {
				late = time.After(lateTime)
			}
			continue
		case <-late:
		case <-ctx.Done():
		}
		break
	}
	if len(claims) >= enough {
		return claims, nil
	}
	return nil, fault
}
