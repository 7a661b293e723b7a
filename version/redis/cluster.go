package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// slotCount is how many slots a Redis Cluster has.
const slotCount = 16384

// slotOf is the slot of names with the hash tag {tag}: its CRC16, of the XMODEM kind, modulo 16384 (Redis Cluster
// specification, "Key distribution model").
func slotOf(tag string) uint16 {
	var crc uint16
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return crc % slotCount
}

// nodesAsked bounds how many nodes are asked at once.
const nodesAsked = 8

// view is how one node sees the Cluster.
type view struct {
	epoch int64 // grows with each failover and each slot that moved
	roster
}

// askCluster finds the masters of a Cluster. The newest of the views counts: a node that was cut off keeps an old one.
func (r *Source) askCluster(ctx context.Context) (roster, error) {
	nodes := slices.Clone(r.opt.Addrs)
	for _, m := range r.pub.masters().masters { // the seeds may have gone since
		if !slices.Contains(nodes, m.addr) {
			nodes = append(nodes, m.addr)
		}
	}
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	said, err := askAll(ctx, nodes[:min(nodesAsked, len(nodes))], 1, r.askNode)
	if err != nil {
		return roster{}, fmt.Errorf("ask the Cluster at %v for its masters: %w", r.opt.Addrs, err)
	}
	return slices.MaxFunc(said, func(a, b view) int { return cmp.Compare(a.epoch, b.epoch) }).roster, nil
}

func (r *Source) askNode(ctx context.Context, addr string) (view, error) {
	o := r.briefOptions(addr)
	o.ReadBufferSize = buffer
	return brief(ctx, redis.NewClient(o), func(ctx context.Context, c *redis.Client) (view, error) {
		var info *redis.StringCmd
		var slots *redis.ClusterSlotsCmd
		_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			info, slots = pipe.ClusterInfo(ctx), pipe.ClusterSlots(ctx)
			return nil
		})
		if err != nil {
			return view{}, err
		}
		epoch, err := strconv.ParseInt(field(info.Val(), "cluster_current_epoch"), 10, 64)
		if err != nil {
			return view{}, fmt.Errorf("%s does not answer as a node of a Cluster", addr)
		}
		host, _, _ := net.SplitHostPort(addr)
		ro, err := rosterOf(slots.Val(), host)
		return view{epoch, ro}, err
	})
}

// rosterOf reads the answer of CLUSTER SLOTS. A node without an address of its own is where it was asked.
func rosterOf(ranges []redis.ClusterSlot, host string) (roster, error) {
	r := roster{slots: new([slotCount]uint16)}
	for slot := range r.slots {
		r.slots[slot] = none
	}
	at := map[string]int{}
	for _, s := range ranges {
		if len(s.Nodes) == 0 || s.Start < 0 || s.End >= slotCount {
			continue
		}
		addr := s.Nodes[0].Addr // the master comes first
		if h, port, err := net.SplitHostPort(addr); err != nil || h == "?" {
			continue
		} else if h == "" {
			addr = net.JoinHostPort(host, port)
		}
		i, known := at[addr]
		if !known {
			i = len(r.masters)
			at[addr] = i
			r.masters = append(r.masters, master{addr: addr})
		}
		for slot := s.Start; slot <= s.End; slot++ {
			r.slots[slot] = uint16(i)
		}
	}
	if len(r.masters) == 0 {
		return roster{}, errors.New("nobody serves any slot of the Cluster")
	}
	return r, r.tagMasters()
}

// tagMasters gives each master the smallest number whose slot it serves.
func (r roster) tagMasters() error {
	left := len(r.masters)
	for n := 0; left > 0 && n < 64*slotCount; n++ {
		tag := strconv.Itoa(n)
		if i := r.slots[slotOf(tag)]; i != none && r.masters[i].tag == "" {
			r.masters[i].tag = tag
			left--
		}
	}
	if left > 0 {
		return errors.New("the Cluster says of one slot that two masters serve it")
	}
	return nil
}

// field is the value of a line name:value in the answer of an INFO command; "" if there is none.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if n, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && n == name {
			return value
		}
	}
	return ""
}
