package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
)

const (
	// keysPerRead bounds a pipeline of reads.
	keysPerRead = 500
	// versionDigits is the length of Max in decimal: one character more can be no version.
	versionDigits = 16
	// routinePause is between two pipelines of routine reads: at most 10,000 keys a second.
	routinePause = 50 * time.Millisecond
)

// read reads the keys of projects that were just confirmed, and puts them on the board.
func (s *session) read(ctx context.Context) error {
	for {
		batch := s.subs.nextReads(keysPerRead)
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.subs.read:
			}
			continue
		}
		read, err := s.readKeys(ctx, batch)
		if err != nil {
			return err
		}
		for i, p := range batch {
			s.board.Confirm(p, read[i].Key, read[i].history)
		}
	}
}

// routine reads all keys about once a minute, against news that was lost where no probe could see it.
func (s *session) routine(ctx context.Context) error {
	for {
		wait := time.Duration(float64(s.opt.Routine) * (0.8 + 0.4*rand.Float64()))
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		s.subs.retryRefused()
		for all := s.subs.listening(); len(all) > 0; {
			batch := all[:min(keysPerRead, len(all))]
			all = all[len(batch):]
			sent := s.board.BeginRead()
			read, err := s.readKeys(ctx, batch)
			if err != nil {
				return err
			}
			for i, p := range batch {
				s.board.Routine(p, read[i].Key, sent)
			}
			if err := sleep(ctx, routinePause); err != nil {
				return err
			}
		}
	}
}

// answer is what a server says of itself otherwise than by an error, put into the words of one.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

const errReplica = answer("READONLY it is a replica; redis.addrs must name a master")

// met takes what a master says of itself (INFO replication) whenever there is word from it. It must be a master, and
// its data set the one that it had when this session first met it.
func (s *session) met(addr, info string) error {
	if field(info, "role") == "slave" {
		return errReplica
	}
	id := field(info, "master_replid")
	if id == "" {
		return nil // it does not tell
	}
	s.idMu.Lock()
	defer s.idMu.Unlock()
	if known := s.ids[addr]; known != "" && known != id {
		return fmt.Errorf("%w: at %s is another data set", errMoved, addr)
	}
	s.ids[addr] = id
	return nil
}

// reading is what was read of one project: its key, and by number the history of the data set that it belongs to.
type reading struct {
	version.Key
	history uint32
}

// readKeys reads keys and, over the same connection, which history of the data set they belong to. That
// changes when a server is restarted or replaced; then what was believed may never have been stored.
func (s *session) readKeys(ctx context.Context, projects []version.Project) ([]reading, error) {
	readings := make([]reading, len(projects))
	ro := s.keys.masters()
	for m, places := range ro.share(len(projects), func(place int) version.Project { return projects[place] }) {
		if err := s.readFrom(ctx, ro.masters[m].addr, projects, places, readings); err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
	}
	return readings, nil
}

// readFrom reads those of projects that stand at these places from one master.
func (s *session) readFrom(ctx context.Context, addr string, projects []version.Project, places []int, readings []reading) error {
	var info *redis.StringCmd
	texts := make([]*redis.StringCmd, len(places))
	_, err := s.keys.to(addr).Pipelined(ctx, func(pipe redis.Pipeliner) error {
		info = pipe.Info(ctx, "replication")
		for i, place := range places {
			texts[i] = pipe.GetRange(ctx, s.name(projects[place]), 0, versionDigits)
		}
		return nil
	})
	if err != nil && !isReply(err) {
		return err
	}
	if err := s.met(addr, info.Val()); err != nil {
		return err
	}
	history := s.histories.of(field(info.Val(), "master_replid"))
	for i, text := range texts {
		switch err := text.Err(); {
		case err == nil:
			if v, err := version.ParseVersion(text.Val()); err == nil {
				readings[places[i]].Key = version.Key{Version: v, Known: true}
			}
			readings[places[i]].history = history
		case isRedirect(err): // its slot moves just now: as if it had no key, in a history of its own
		default:
			if !aboutKey(err) {
				return err // the server's word on itself
			}
			readings[places[i]].history = history
		}
	}
	return nil
}

// aboutKey tells the server's word on one key, its type or the right to it, from one on all: on the right to a command,
// for instance.
func aboutKey(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "WRONGTYPE") || strings.HasPrefix(text, "NOPERM") && !strings.Contains(text, " command")
}

// histories numbers replication ids for the board. A data set that comes back counts as another: what was read in
// between belongs to neither. The zero value is ready.
type histories struct {
	mu           sync.Mutex // guards all below
	last         uint32
	now, earlier map[string]uint32 // those of this session, and of the one before that saw any
}

// turn begins another session.
func (h *histories) turn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.now) > 0 {
		h.now, h.earlier = nil, h.now
	}
}

// of is the number of an id; 0 of none.
func (h *histories) of(id string) uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id == "" {
		return 0
	}
	n := h.now[id]
	if n == 0 {
		if n = h.earlier[id]; n == 0 {
			h.last++
			n = h.last
		}
		if h.now == nil {
			h.now = map[string]uint32{}
		}
		h.now[id] = n
	}
	return n
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
