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

// topology is the masters of a moment: one, but for a Cluster.
type topology struct {
	masters []master
	// slots says by slot which of masters serves it, nobody where none does; nil: the first serves everything.
	slots *[slotCount]uint16
}

// master is a server that takes news.
type master struct {
	addr string
	tag  string // a hash tag in one of its slots; "" outside a Cluster
}

// nobody is in topology.slots where no master serves a slot.
const nobody = ^uint16(0)

// tagged is the master of names with this hash tag, or of the one name that it is, by its place in masters; false:
// nobody serves them.
func (t topology) tagged(tag string) (int, bool) {
	if t.slots == nil {
		return 0, len(t.masters) > 0
	}
	i := t.slots[slotOf(tag)]
	return int(i), i != nobody
}

// share says of n things, each of a project, which each master serves: by its place, theirs. What nobody serves is left
// out.
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

// finder finds out who the masters are.
type finder struct {
	opt  *Options
	last atomic.Pointer[topology] // found last; nil: never
}

// findTime bounds the search for the masters, lateTime what is waited for the others once enough have answered: one that
// is frozen must not hold up the rest.
const (
	findTime = time.Second
	lateTime = 200 * time.Millisecond
)

// find asks who the masters are, over connections dialled for it.
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

// claim is who the masters are by the word of one Sentinel, or of one node of a Cluster.
type claim struct {
	epoch int64 // grows with each failover, and each slot that moved: of two claims the greater holds
	topology
}

func newest(claims []claim) topology {
	return slices.MaxFunc(claims, func(a, b claim) int { return cmp.Compare(a.epoch, b.epoch) }).topology
}

// askAll asks all addresses at once, and returns what enough of them claim, and any more that comes soon after. With
// fewer answers the error is the servers' own, if one of them sent any.
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
