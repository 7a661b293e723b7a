package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"nudge/version"
)

const (
	// keysPerRead is the most keys in one pipeline.
	keysPerRead = 500
	// versionDigits is the length of version.Max in decimal: a longer text is no version.
	versionDigits = 16
)

// keyRead is the key of one project, and the number of the data set that it is in.
type keyRead struct {
	version.Key
	dataSet uint32
}

// readKeys reads keys and, over the same connection, the data set that they are in. If the data set is another than before, a
// believed version may never have been stored in it.
func (s *session) readKeys(ctx context.Context, projects []version.Project) ([]keyRead, error) {
	reads := make([]keyRead, len(projects))
	t := s.reading.masters()
	for m, places := range t.share(len(projects), func(place int) version.Project { return projects[place] }) {
		if err := s.readKeysFrom(ctx, t.masters[m].addr, projects, places, reads); err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
	}
	return reads, nil
}

// readKeysFrom reads the keys of the projects at these places from one master.
func (s *session) readKeysFrom(ctx context.Context, addr string, projects []version.Project, places []int, reads []keyRead) error {
	var info *redis.StringCmd
	texts := make([]*redis.StringCmd, len(places))
	_, err := s.reading.of(addr).Pipelined(ctx, func(pipe redis.Pipeliner) error {
		info = pipe.Info(ctx, "replication")
		for i, place := range places {
			texts[i] = pipe.GetRange(ctx, s.names.project(projects[place]), 0, versionDigits)
		}
		return nil
	})
	if err != nil && !isReply(err) {
		return err
	}
	dataSet, err := s.dataSets.meet(addr, info.Val())
	if err != nil {
		return err
	}
	for i, text := range texts {
		r := &reads[places[i]]
		switch err := text.Err(); {
		case isRedirect(err): // its slot is moving: treat it as no key in an unknown data set
			continue
		case err != nil && !aboutKey(err):
			return err // the error is about the server, not about one key
		case err == nil:
			if v, err := version.ParseVersion(text.Val()); err == nil {
				r.Key = version.Key{Version: v, Known: true}
			}
		}
		r.dataSet = dataSet
	}
	return nil
}

// aboutKey reports whether an error reply is about one key (its type, or the right to it) and not about all, such as the
// right to a command.
func aboutKey(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "WRONGTYPE") || strings.HasPrefix(text, "NOPERM") && !strings.Contains(text, " command")
}

// isRedirect reports whether a node of a Cluster replies that another node serves the slot.
func isRedirect(err error) bool {
	return redis.HasErrorPrefix(err, "MOVED ") || redis.HasErrorPrefix(err, "ASK ")
}
