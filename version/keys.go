package version

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
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
		keys, history, err := s.readKeys(ctx, batch)
		if err != nil {
			return err
		}
		for i, p := range batch {
			s.board.Confirm(p, keys[i], history)
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
			sent := s.board.Clock()
			keys, _, err := s.readKeys(ctx, batch)
			if err != nil {
				return err
			}
			for i, p := range batch {
				s.board.Routine(p, keys[i], sent)
			}
			if err := sleep(ctx, routinePause); err != nil {
				return err
			}
		}
	}
}

var errReplica = errors.New("it is a replica; redis.addrs must name a master")

// readKeys reads keys and, over the same connection, which history of the data set they belong to. That
// changes when a server is restarted or replaced; then what was believed may never have been stored.
func (s *session) readKeys(ctx context.Context, projects []Project) ([]Key, uint64, error) {
	var info *redis.StringCmd
	texts := make([]*redis.StringCmd, len(projects))
	_, err := s.keys.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		info = pipe.Info(ctx, "replication")
		for i, p := range projects {
			texts[i] = pipe.GetRange(ctx, s.name(p), 0, versionDigits)
		}
		return nil
	})
	if err != nil && !isReply(err) {
		return nil, 0, fmt.Errorf("read keys: %w", err)
	}
	id, role := replication(info.Val())
	if role == "slave" {
		return nil, 0, fmt.Errorf("read keys: %w", errReplica)
	}
	keys := make([]Key, len(projects))
	for i, text := range texts { // an error here is the server's word on this key: another type, no right
		if v, err := ParseVersion(text.Val()); err == nil {
			keys[i] = Key{v, true}
		}
	}
	return keys, s.historyOf(id), nil
}

// replication finds the replication id and the role in the answer of INFO replication.
func replication(info string) (id, role string) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "master_replid":
			id = value
		case "role":
			role = value
		}
	}
	return id, role
}

// historyOf numbers replication ids; 0 for none. Coming back to an older one counts as another: what was
// read in between belongs to neither.
func (s *session) historyOf(id string) uint64 {
	s.idMu.Lock()
	defer s.idMu.Unlock()
	if id == "" {
		s.lastID = ""
		return 0
	}
	if id != s.lastID {
		s.lastID = id
		s.history++
	}
	return s.history
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
