package redis

import (
	"fmt"
	"sync"
)

const errReplica = replyError("READONLY it is a replica; redis.addrs must name a master")

// dataSets numbers the data sets of the masters for the board. A data set is known by its replication id, which changes
// when a server is restarted or replaced. A data set that comes back after another one gets a new number: versions
// believed in between may be from the other one.
type dataSets struct {
	mu           sync.Mutex        // guards all below
	ids          map[string]string // of this session, by address
	last         uint32
	now, earlier map[string]uint32 // numbers by id: of this session, and of the last one before it that met any
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

// meet takes the INFO replication of a server, and returns the number of its data set; 0: the answer has no replication id. It
// is an error if the server is no master, or if its data set has changed in this session.
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
