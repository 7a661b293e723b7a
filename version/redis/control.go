package redis

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
	"nudge/version/control"
)

var controlScript = redis.NewScript(control.Script())

// Control reads what all gateways are told. Control, SetFlag, Revoke and TakeBack work whether or not Run is running. Their errors wrap
// [version.ErrUnavailable] if Redis did not answer, or refused.
func (r *Source) Control(ctx context.Context) (control.Entries, error) {
	answer, err := r.runControl(ctx)
	if err != nil {
		return control.Entries{}, err
	}
	e, _, _ := control.Decode(answer)
	return e.Merge(control.Entries{}, time.Now()), nil
}

// SetFlag overrides the flag of all gateways until it is called again. Nil removes the override: each gateway then uses its own
// configuration. SetFlag returns what is stored now.
func (r *Source) SetFlag(ctx context.Context, o *control.Override) (control.FlagEntry, error) {
	if o != nil {
		if err := o.Check(); err != nil {
			return control.FlagEntry{}, err
		}
	}
	stored, err := r.store(ctx, control.FlagCommand(o))
	return stored.Flag, err
}

// ReplaceFlag is [Source.SetFlag] if the override that is stored still has this sequence number. Otherwise it stores nothing,
// and returns false: somebody else was first.
func (r *Source) ReplaceFlag(ctx context.Context, seq int64, o control.Override) (replaced bool, err error) {
	if err := o.Check(); err != nil {
		return false, err
	}
	c := control.FlagCommand(&o)
	c.Replaces = seq
	_, err = r.store(ctx, c)
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, err
}

// Revoke makes tokens invalid at all gateways. To revoke the same again changes nothing. The error is [control.ErrFull] if too
// many are in force.
func (r *Source) Revoke(ctx context.Context, v control.Revocation) (control.RevocationEntry, error) {
	if err := v.Check(); err != nil {
		return control.RevocationEntry{}, err
	}
	stored, err := r.store(ctx, v.Command())
	if errors.Is(err, redis.Nil) {
		err = control.ErrFull
	}
	if err != nil {
		return control.RevocationEntry{}, err
	}
	return stored.Revocations[0], nil
}

// ErrNoRevocation is returned by [Source.TakeBack] for a name that no revocation has.
var ErrNoRevocation = errors.New("no revocation in force has this name")

// TakeBack ends the revocation with this name at all gateways. Its tokens are valid again.
func (r *Source) TakeBack(ctx context.Context, name string) (control.RevocationEntry, error) {
	all, err := r.Control(ctx)
	if err != nil {
		return control.RevocationEntry{}, err
	}
	for _, e := range all.Revocations {
		if e.Name() != name || e.Cleared {
			continue
		}
		stored, err := r.store(ctx, e.Clear())
		if err != nil {
			return control.RevocationEntry{}, err
		}
		return stored.Revocations[0], nil
	}
	return control.RevocationEntry{}, ErrNoRevocation
}

// store stores one entry. The error is [redis.Nil] if the script refuses.
func (r *Source) store(ctx context.Context, c control.Command) (control.Entries, error) {
	answer, err := r.runControl(ctx, c.Args()...)
	if err != nil {
		return control.Entries{}, err
	}
	return c.Stored(answer)
}

const (
	// The pause after a read of the hash is at least controlPause, and controlShare times as long as the read, so that
	// a flood of announcements costs little.
	controlPause = 200 * time.Millisecond
	controlShare = 10
	// controlRetry is the time until a failed read is repeated. It doubles each time, up to the time of routine reads.
	controlRetry = time.Second
)

// controlKeeper keeps the control hash in Redis and this gateway's copy of it equal. It lives longer than a session.
type controlKeeper struct {
	opt       *Options
	name      string         // of the hash
	announced version.Signal // there may be something to read

	entries   control.Entries // all that was read so far
	lastFault string          // of the last attempt; "": it succeeded
	warned    time.Time       // when a malformed entry was last logged
}

// run reads the hash when a session begins, at each message on its channel, whatever the message says, and about once a minute,
// since a message may be lost.
func (k *controlKeeper) run(ctx context.Context, pool *clientPool) error {
	for retry := controlRetry; ; {
		again := routineWait(k.opt.Routine)
		begun, pause := time.Now(), controlPause
		switch err := k.reconcile(ctx, pool); {
		case err == nil:
			k.lastFault, retry = "", controlRetry
			pause = max(pause, controlShare*time.Since(begun))
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			again, retry = min(again, retry), min(2*retry, k.opt.Routine)
			// Faults of the connection are logged elsewhere, and a slot that moved is found by the next probe.
			if isReply(err) && !isRedirect(err) && err.Error() != k.lastFault {
				k.lastFault = err.Error()
				_, fix := k.opt.diagnose(err)
				k.opt.Log.Error("what the fleet is told cannot be read or kept in Redis; what was heard of it stays in force",
					"key", k.name, "error", short(err), "fix", fix)
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-k.announced:
		case <-time.After(again):
		}
	}
}

// reconcile reads the hash, gives new entries to the host, and writes lost entries back.
func (k *controlKeeper) reconcile(ctx context.Context, pool *clientPool) error {
	client, err := pool.serving(pool.masters(), k.name)
	if err != nil {
		return err
	}
	answer, err := controlScript.Run(ctx, client, []string{k.name}).StringSlice()
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	stored, seqs, malformed := control.Decode(answer)
	if malformed != nil && time.Since(k.warned) >= time.Minute {
		k.warned = time.Now()
		k.opt.Log.Warn("part of what the fleet is told cannot be read, and is ignored", "key", k.name, "error", malformed,
			"fix", "give all gateways the same release, and keep other programs off the key")
	}
	merged := k.entries.Merge(stored, time.Now())
	if !reflect.DeepEqual(merged, k.entries) {
		k.entries = merged
		k.opt.Control(merged)
	}
	lost := merged.Lost(seqs)
	if err := k.writeBack(ctx, client, lost); err != nil {
		return fmt.Errorf("write back: %w", err)
	}
	if len(lost) > 0 {
		k.opt.Log.Info("what the fleet is told was lost from Redis, and is written back", "key", k.name, "entries", len(lost))
	}
	return nil
}

// writeBack restores entries that the hash lacks or has in an older form: Redis was restarted empty, or from a backup.
func (k *controlKeeper) writeBack(ctx context.Context, client *redis.Client, lost []control.Command) error {
	for batch := range slices.Chunk(lost, keysPerRead) {
		replies, _ := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, c := range batch { // the script just ran, so the server has it
				controlScript.EvalSha(ctx, pipe, []string{k.name}, c.Args()...)
			}
			return nil
		})
		for _, reply := range replies {
			if err := reply.Err(); err != nil && !errors.Is(err, redis.Nil) { // nil: another gateway was first
				return err
			}
		}
	}
	return nil
}
