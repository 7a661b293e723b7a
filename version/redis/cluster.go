package redis

import (
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

// slotOf returns the slot of names with the hash tag {tag}: its CRC16/XMODEM modulo 16384 (Redis Cluster specification,
// "Key distribution model").
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

// nodesAsked limits how many nodes are asked at once.
const nodesAsked = 8

// askCluster finds the masters of a Cluster. The newest claim counts, since a node that is cut off has an old claim.
func (f *finder) askCluster(ctx context.Context) (topology, error) {
	nodes := slices.Clone(f.opt.Addrs)
	if last := f.last.Load(); last != nil { // the configured nodes may have gone meanwhile
		for _, m := range last.masters {
			if !slices.Contains(nodes, m.addr) {
				nodes = append(nodes, m.addr)
			}
		}
	}
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	claims, err := askAll(ctx, nodes[:min(nodesAsked, len(nodes))], 1, f.askNode)
	if err != nil {
		return topology{}, fmt.Errorf("ask the Cluster at %v for its masters: %w", f.opt.Addrs, err)
	}
	return newest(claims), nil
}

func (f *finder) askNode(ctx context.Context, addr string) (claim, error) {
	o := f.opt.briefClient(addr)
	o.ReadBufferSize = buffer
	return brief(ctx, o, func(ctx context.Context, c *redis.Client) (claim, error) {
		var info *redis.StringCmd
		var slots *redis.ClusterSlotsCmd
		_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			info, slots = pipe.ClusterInfo(ctx), pipe.ClusterSlots(ctx)
			return nil
		})
		if err != nil {
			return claim{}, err
		}
		epoch, err := strconv.ParseInt(field(info.Val(), "cluster_current_epoch"), 10, 64)
		if err != nil {
			return claim{}, fmt.Errorf("%s does not answer as a node of a Cluster", addr)
		}
		host, _, _ := net.SplitHostPort(addr)
		t, err := readSlots(slots.Val(), host)
		return claim{epoch, t}, err
	})
}

// readSlots reads the answer of CLUSTER SLOTS. A node without an address is on the host that answered.
func readSlots(ranges []redis.ClusterSlot, host string) (topology, error) {
	t := topology{slots: new([slotCount]uint16)}
	for slot := range t.slots {
		t.slots[slot] = nobody
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
			i = len(t.masters)
			at[addr] = i
			t.masters = append(t.masters, master{addr: addr})
		}
		for slot := s.Start; slot <= s.End; slot++ {
			t.slots[slot] = uint16(i)
		}
	}
	if len(t.masters) == 0 {
		return topology{}, errors.New("no node of the Cluster serves a slot; see CLUSTER INFO")
	}
	return t, t.tagMasters()
}

// tagMasters gives each master the smallest number whose slot it serves.
func (t topology) tagMasters() error {
	left := len(t.masters)
	for n := 0; left > 0 && n < 64*slotCount; n++ {
		tag := strconv.Itoa(n)
		if i := t.slots[slotOf(tag)]; i != nobody && t.masters[i].tag == "" {
			t.masters[i].tag = tag
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
