package redis

import (
	"context"
	"fmt"

	"nudge/version"
)

// mostQuestions bounds the keys that are asked for and not read yet.
const mostQuestions = 1000

// question asks for the key of one project, out of turn.
type question struct {
	project version.Project
	answer  chan version.Key // one slot, so that nobody waits for one who has gone; closed: no answer
}

// Read implements [Source]. Whatever is asked for together is read together, no more often than routinePause allows.
func (r *Source) Read(ctx context.Context, p version.Project) (version.Key, error) {
	q := question{p, make(chan version.Key, 1)}
	select {
	case r.questions <- q:
	default:
		return version.Key{}, fmt.Errorf("read the key of %s: %w: %d keys are asked for already", p, version.ErrUnavailable, mostQuestions)
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

// answerQuestions reads the keys that are asked for.
func (s *session) answerQuestions(ctx context.Context) error {
	for {
		batch, err := s.nextQuestions(ctx)
		if err != nil {
			return err
		}
		if err := s.answerBatch(ctx, batch); err != nil {
			return err
		}
		if err := sleep(ctx, routinePause); err != nil {
			return err
		}
	}
}

// nextQuestions waits for a question, and takes what is asked besides.
func (s *session) nextQuestions(ctx context.Context) (batch []question, err error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case q := <-s.questions:
		batch = append(batch, q)
	}
	for len(batch) < keysPerRead {
		select {
		case q := <-s.questions:
			batch = append(batch, q)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// answerBatch reads the keys of a batch, as a routine read does.
func (s *session) answerBatch(ctx context.Context, batch []question) error {
	projects := make([]version.Project, len(batch))
	for i, q := range batch {
		projects[i] = q.project
	}
	sent := s.board.BeginRead()
	read, err := s.readKeys(ctx, projects)
	for i, q := range batch {
		if err == nil {
			s.board.Routine(q.project, read[i].Key, sent)
			q.answer <- read[i].Key
		}
		close(q.answer)
	}
	return err
}
