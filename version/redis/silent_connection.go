package redis

import (
	"context"
	"errors"
	"time"
)

// echoTime is how old the last echo may be. fallback.Health counts push as down after the same time, by a rule of its own
// (deaf): neither package knows the other.
func (o *Options) echoTime() time.Duration { return 2*o.Probe + time.Second }

var errNoEcho = errors.New("the probe does not come back")

// supervise ends the session when no echo comes in time, even if the connection seems healthy.
func (s *session) supervise(ctx context.Context) error {
	for {
		left := time.Until(s.begun.Add(time.Duration(s.echoed.Load()) + s.opt.echoTime()))
		if left <= 0 {
			if why := s.prober.refused.Load(); why != nil {
				return *why
			}
			return errNoEcho
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}
