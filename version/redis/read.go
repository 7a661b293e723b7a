package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"nudge/version"
)

const (
	// mostRequests is the most requests that wait at a time.
	mostRequests = 1000
	// routinePause is the time between two pipelines of routine reads: at most 10,000 keys a second.
	routinePause = 50 * time.Millisecond
)

// readRequest asks for the key of one project.
type readRequest struct {
	project version.Project
	answer  chan version.Key // one slot, since the caller may have returned; closed: no answer
}

// Read implements [version.Source]. Requests at the same time share a pipeline. There is at most one pipeline each
// routinePause.
func (r *Source) Read(ctx context.Context, p version.Project) (version.Key, error) {
	q := readRequest{p, make(chan version.Key, 1)}
	select {
	case r.requests <- q:
	default:
		return version.Key{}, fmt.Errorf("read the key of %s: %w: %d keys are asked for already", p, version.ErrUnavailable, mostRequests)
	}
	select {
	case key, ok := <-q.answer:
		if !ok {
			return version.Key{}, fmt.Errorf("read the key of %s: %w: the connection broke", p, version.ErrUnavailable)
		}
		return key, nil
	case <-ctx.Done():
		return version.Key{}, fmt.Errorf("read the key of %s: %w: %w", p, version.ErrUnavailable, context.Cause(ctx))
	}
}

// answerRequests answers requests.
func (s *session) answerRequests(ctx context.Context) error {
	for {
		var batch []readRequest
		select {
		case <-ctx.Done():
			return ctx.Err()
		case q := <-s.requests:
			batch = append(batch, q)
		}
		for len(s.requests) > 0 && len(batch) < keysPerRead { // nobody else takes any
			batch = append(batch, <-s.requests)
		}
		projects := make([]version.Project, len(batch))
		for i, q := range batch {
			projects[i] = q.project
		}
		keys, err := s.readRoutinely(ctx, projects)
		for i, q := range batch {
			if err == nil {
				q.answer <- keys[i].Key
			}
			close(q.answer)
		}
		if err != nil {
			return err
		}
		if err := sleep(ctx, routinePause); err != nil {
			return err
		}
	}
}

// routine reads all keys about once a minute: news may be lost although probes come back.
func (s *session) routine(ctx context.Context) error {
	for {
		if err := sleep(ctx, routineWait(s.opt.Routine)); err != nil {
			return err
		}
		s.subs.retryRefused()
		for batch := range slices.Chunk(s.subs.listening(), keysPerRead) {
			if _, err := s.readRoutinely(ctx, batch); err != nil {
				return err
			}
			if err := sleep(ctx, routinePause); err != nil {
				return err
			}
		}
	}
}

// routineWait returns a random time around mean, so that gateways that start together do not read together.
func routineWait(mean time.Duration) time.Duration {
	return time.Duration(float64(mean) * (0.8 + 0.4*rand.Float64()))
}

// readRoutinely reads keys, and gives them to the board.
func (s *session) readRoutinely(ctx context.Context, projects []version.Project) ([]keyRead, error) {
	began := s.board.BeginRead()
	reads, err := s.readKeys(ctx, projects)
	for i, r := range reads {
		s.board.Routine(projects[i], r.Key, began)
	}
	return reads, err
}

// confirm reads the keys of projects whose subscriptions were confirmed, and puts them on the board.
func (s *session) confirm(ctx context.Context) error {
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
		reads, err := s.readKeys(ctx, batch)
		if err != nil {
			return err
		}
		for i, r := range reads {
			s.board.Confirm(batch[i], r.Key, r.dataSet)
		}
	}
}
