package redis

import (
	"fmt"
	"sync"
)

// replyError is what a server says of itself otherwise than by an error, put into the words of one.
type replyError string

func (e replyError) Error() string { return string(e) }
func (replyError) RedisError()     {}

const errReplica = replyError("READONLY it is a replica; redis.addrs must name a master")

// dataSets knows the data sets of the masters by their replication ids, which change when a server is restarted or
// replaced, and numbers them for the board. A data set that comes back after another one has another number: what was
// read in between belongs to neither. The zero value is ready.
type dataSets struct {
	mu           sync.Mutex        // guards all below
	ids          map[string]string // by address, as this session first met them
	last         uint32
	now, earlier map[string]uint32 // numbers by id, of this session, and of the one before that met any
}

// beginSession forgets which data set was where.
func (d *dataSets) beginSession() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids = map[string]string{}
	if len(d.now) > 0 {
		d.now, d.earlier = nil, d.now
	}
}

// meet takes what a master says of itself (INFO replication) whenever there is word from it, and returns the number of
// its data set; 0: it does not tell. It must be a master, and have the data set that it had when this session first met it.
func (d *dataSets) meet(addr, info string) (uint32, error) {
	if field(info, "role") == "slave" {
		return 0, errReplica
	}
	id := field(info, "master_replid")
	if id == "" {
		return 0, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known := d.ids[addr]; known != "" && known != id {
		return 0, fmt.Errorf("%w: at %s is another data set", errMoved, addr)
	}
	d.ids[addr] = id
	n := d.now[id]
	if n == 0 {
		if n = d.earlier[id]; n == 0 {
			d.last++
			n = d.last
		}
		if d.now == nil {
			d.now = map[string]uint32{}
		}
		d.now[id] = n
	}
	return n, nil
}
