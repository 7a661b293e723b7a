package redis

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
	"nudge/version/control"
)

var controlScript = redis.NewScript(control.Script())

// Control reads what all gateways are told. Like the two below it works whether or not Run is running, and its error
// wraps [ErrUnavailable] if Redis did not answer, or refused.
func (r *Source) Control(ctx context.Context) (control.Entries, error) {
	pairs, err := r.order(ctx).StringSlice()
	if err != nil {
		return control.Entries{}, r.controlFailed("read", err)
	}
	c, _, _ := control.Decode(pairs)
	return c.Merge(control.Entries{}, time.Now()), nil
}

// SetFlag overrides the flag of all gateways, until it is called again; nil ends that: each goes by its own
// configuration. It returns what is stored now.
func (r *Source) SetFlag(ctx context.Context, o *control.Override) (control.FlagEntry, error) {
	if o != nil {
		if err := o.Check(); err != nil {
			return control.FlagEntry{}, err
		}
	}
	args := control.FlagArgs(o)
	stored, err := r.order(ctx, args...).Text()
	if err != nil {
		return control.FlagEntry{}, r.controlFailed("write to", err)
	}
	c, _, err := control.Decode([]string{args[0].(string), stored})
	return c.Flag, err
}

// ErrTooManyRevocations is returned by [Source.Revoke] when 10,000 are in force.
var ErrTooManyRevocations = errors.New("redis: 10,000 revocations are in force; " +
	"take back with one what was issued before a time, or change the secret")

// Revoke takes tokens back at all gateways. The same twice is one.
func (r *Source) Revoke(ctx context.Context, v control.Revocation) (control.RevocationEntry, error) {
	if err := v.Check(); err != nil {
		return control.RevocationEntry{}, err
	}
	args := v.Args()
	stored, err := r.order(ctx, args...).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return control.RevocationEntry{}, ErrTooManyRevocations
	case err != nil:
		return control.RevocationEntry{}, r.controlFailed("write to", err)
	}
	c, _, err := control.Decode([]string{args[0].(string), stored})
	if err != nil {
		return control.RevocationEntry{}, err
	}
	return c.Revocations[0], nil
}

func (r *Source) controlFailed(what string, err error) error {
	return r.unavailable(what+" "+r.controlName()+" in", err)
}

// order runs the script, over a publisher's connection. What a server asked to send elsewhere had no effect there, and
// is sent again.
func (r *Source) order(ctx context.Context, args ...any) (cmd *redis.Cmd) {
	for range publishTries {
		ro, err := r.publishers(ctx)
		if err != nil {
			return redis.NewCmdResult(nil, err)
		}
		client, err := r.controller(&r.pub, ro)
		if err != nil {
			return redis.NewCmdResult(nil, err)
		}
		cmd = controlScript.Run(ctx, client, []string{r.controlName()}, args...)
		if errors.Is(cmd.Err(), redis.Nil) || cmd.Err() == nil {
			return cmd
		}
		r.pub.leave() // the master may be another by now
		if fault, _ := diagnose(cmd.Err()); !isRedirect(cmd.Err()) && fault != version.FaultReadOnly {
			return cmd
		}
	}
	return cmd
}

// controller is the connection to the master that holds the hash.
func (r *Source) controller(l *links, ro roster) (*redis.Client, error) {
	m, ok := ro.tagged(r.controlName())
	if !ok {
		return nil, errors.New("a part of the Cluster has no master; see CLUSTER INFO")
	}
	return l.to(ro.masters[m].addr), nil
}

const (
	// controlPause is the least time between two reads of the hash, and controlShare how often what a read took goes
	// into the pause after it: a flood of announcements costs no more.
	controlPause = 200 * time.Millisecond
	controlShare = 10
	// controlRetry is the time until a read that failed is repeated. It is doubled each time, up to that of routine reads.
	controlRetry = time.Second
)

// control keeps what Redis holds and what this gateway remembers the same, from the beginning of the session on: at
// each announcement, which says only that there is something to read, and now and then against what was lost unseen.
func (s *session) control(ctx context.Context) error {
	if s.opt.Control == nil {
		return nil
	}
	for retry := controlRetry; ; {
		again := time.Duration(float64(s.opt.Routine) * (0.8 + 0.4*rand.Float64()))
		begun, pause := time.Now(), controlPause
		switch err := s.reconcile(ctx); {
		case err == nil:
			s.fleetExcuse, retry = "", controlRetry
			pause = max(pause, controlShare*time.Since(begun))
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			again, retry = min(again, retry), min(2*retry, s.opt.Routine)
			// What ails the connection, others say; what moves is soon found.
			if isReply(err) && !isRedirect(err) && err.Error() != s.fleetExcuse {
				s.fleetExcuse = err.Error()
				_, mend := diagnose(err)
				s.opt.Log.Error("what the fleet is told cannot be read or kept in Redis; what was heard of it stays in force",
					"key", s.controlName(), "error", err, "mend", mend)
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.told:
		case <-time.After(again):
		}
	}
}

// reconcile reads the hash, tells the host what is new in it, and writes back what is lost from it.
func (s *session) reconcile(ctx context.Context) error {
	client, err := s.controller(&s.keys, s.keys.masters())
	if err != nil {
		return err
	}
	pairs, err := controlScript.Run(ctx, client, []string{s.controlName()}).StringSlice()
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	digest := digestOf(pairs)
	if digest == s.fleetDigest {
		return nil
	}
	stored, seqs, malformed := control.Decode(pairs)
	if malformed != nil && time.Since(s.fleetWarned) >= time.Minute {
		s.fleetWarned = time.Now()
		s.opt.Log.Warn("part of what the fleet is told cannot be read, and is ignored", "key", s.controlName(), "error", malformed)
	}
	merged := s.fleet.Merge(stored, time.Now())
	if !reflect.DeepEqual(merged, s.fleet) {
		s.fleet = merged
		s.opt.Control(merged)
	}
	lost, err := s.writeBack(ctx, client, merged, seqs)
	if err != nil {
		return fmt.Errorf("write back: %w", err)
	}
	if lost > 0 { // to be looked at again
		s.opt.Log.Info("what the fleet is told was lost from Redis, and is written back", "key", s.controlName(), "entries", lost)
		return nil
	}
	s.fleetDigest = digest
	return nil
}

var digestSeed = maphash.MakeSeed()

// digestOf tells one content of the hash from another: to decode 10,000 revocations takes a tenth of a second.
func digestOf(pairs []string) uint64 {
	var h maphash.Hash
	h.SetSeed(digestSeed)
	for _, text := range pairs {
		maphash.WriteComparable(&h, text)
	}
	return h.Sum64()
}

// writeBack restores the entries of c that are missing in the hash, or are older there, and counts them: Redis was
// restarted empty, or with what it held some time ago. seqs are the sequence numbers that it holds.
func (s *session) writeBack(ctx context.Context, client *redis.Client, c control.Entries, seqs map[string]int64) (int, error) {
	lost := c.Lost(seqs)
	for batch := range slices.Chunk(lost, keysPerRead) {
		replies, _ := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, args := range batch { // the script was just run, so the server has it
				controlScript.EvalSha(ctx, pipe, []string{s.controlName()}, args...)
			}
			return nil
		})
		for _, reply := range replies {
			if err := reply.Err(); err != nil && !errors.Is(err, redis.Nil) { // nil: another gateway was first
				return 0, err
			}
		}
	}
	return len(lost), nil
}
