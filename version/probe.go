package version

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// probes remembers when each probe on its way was sent. The zero value is ready.
type probes struct {
	mu   sync.Mutex
	last uint64
	sent map[uint64]time.Time
}

func (p *probes) send(now time.Time) (number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent = map[uint64]time.Time{}
	}
	p.last++
	p.sent[p.last] = now
	delete(p.sent, p.last-16) // those will not come back
	return p.last
}

func (p *probes) returned(payload string) (sent time.Time, ok bool) {
	number, err := strconv.ParseUint(payload, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	sent, ok = p.sent[number]
	delete(p.sent, number)
	return sent, ok
}

// probeBuffer is enough for one command and its answer, in bytes: it is thrown away each time.
const probeBuffer = 512

// probeExpiry is how long the probe's key outlives its instance.
const probeExpiry = "60"

// probe publishes to our own channel as publishers do, again and again.
func (s *session) probe(ctx context.Context) error {
	tick := time.NewTicker(s.opt.Probe)
	defer tick.Stop()
	for {
		switch err := s.probeOnce(ctx); {
		case err == nil:
			s.excuse = ""
		case isReply(err): // the server is there, and says that it takes no news
			s.fault(fmt.Errorf("publish to Redis at %s: %w", s.opt.Addrs[0], err))
		case ctx.Err() == nil && s.complain(err): // it may pass; no echo is told soon enough
			s.opt.Log.Warn("the probe could not be sent", "error", err, "mend", mend(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// probeOnce dials anew, as a publisher might: over an old connection the echo of a demoted master that is
// no longer behind the address would pass for the present one's.
func (s *session) probeOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(s.opt.Probe, time.Second))
	defer cancel()
	o := s.clientOptions()
	o.ReadBufferSize, o.WriteBufferSize = probeBuffer, probeBuffer
	client := redis.NewClient(o)
	defer client.Close()
	number := strconv.FormatUint(s.probes.send(time.Now()), 10)
	return publishScript.Eval(ctx, client, []string{s.probeName()}, number, number, "1", probeExpiry).Err()
}
