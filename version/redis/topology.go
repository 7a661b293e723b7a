package redis

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"nudge/version"
)

// roster is the masters of a moment: one, but for a Cluster.
type roster struct {
	masters []master
	// slots says by slot which of masters serves it, none where nobody does; nil: the first serves everything.
	slots *[slotCount]uint16
}

// master is a server that takes news.
type master struct {
	addr string
	tag  string // a hash tag in one of its slots; "" outside a Cluster
}

// none is in roster.slots where nobody serves a slot.
const none = ^uint16(0)

// of is the master that serves what belongs to p, by its place in masters; false: nobody does.
func (r roster) of(p version.Project) (int, bool) { return r.tagged(p.String()) }

// tagged is likewise the master of names with this hash tag, or of the one name that it is.
func (r roster) tagged(tag string) (int, bool) {
	if r.slots == nil {
		return 0, len(r.masters) > 0
	}
	i := r.slots[slotOf(tag)]
	return int(i), i != none
}

// share says of n things, each of a project, which each master serves: by its place, theirs. What nobody serves is left
// out.
func (r roster) share(n int, project func(place int) version.Project) map[int][]int {
	shares := map[int][]int{}
	for place := range n {
		if m, ok := r.of(project(place)); ok {
			shares[m] = append(shares[m], place)
		}
	}
	return shares
}

func (r roster) has(addr string) bool {
	return slices.ContainsFunc(r.masters, func(m master) bool { return m.addr == addr })
}

// findTime bounds the search for the masters, lag what is waited for the others once enough have answered: one that is
// frozen must not hold up the rest.
const (
	findTime = time.Second
	lag      = 200 * time.Millisecond
)

// find asks who the masters are, over connections dialled for it.
func (r *Source) find(ctx context.Context) (roster, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	switch r.opt.Mode {
	case Sentinel:
		return r.askSentinels(ctx)
	case Cluster:
		return r.askCluster(ctx)
	default:
		return roster{masters: []master{{addr: r.opt.Addrs[0]}}}, nil
	}
}

// askAll asks all addresses at once, and returns what enough of them said, and any more that comes soon after. With
// fewer answers the error is the servers' own, if one of them sent any.
func askAll[T any](ctx context.Context, addrs []string, enough int, ask func(context.Context, string) (T, error)) ([]T, error) {
	ctx, cancel := context.WithCancel(ctx)
	type outcome struct {
		said T
		err  error
	}
	outcomes := make(chan outcome, len(addrs))
	var asking sync.WaitGroup
	for _, addr := range addrs {
		asking.Go(func() {
			said, err := ask(ctx, addr)
			outcomes <- outcome{said, err}
		})
	}
	defer asking.Wait()
	defer cancel()

	var said []T
	var fault error
	var late <-chan time.Time
	for range addrs {
		select {
		case o := <-outcomes:
			switch {
			case o.err == nil:
				said = append(said, o.said)
			case fault == nil || isReply(o.err) && !isReply(fault):
				fault = o.err
			}
			if len(said) == enough {
				late = time.After(lag)
			}
			continue
		case <-late:
		case <-ctx.Done():
		}
		break
	}
	if len(said) >= enough {
		return said, nil
	}
	if fault == nil {
		fault = errors.New("no answer in time")
	}
	return nil, fault
}
