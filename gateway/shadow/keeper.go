package shadow

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// Routine is the mean time between two exchanges of a [Keeper] with the rest of the fleet.
	Routine = time.Minute
	// patience limits one exchange.
	patience = 2 * time.Second
	// longest bounds what is read of one gateway, in bytes. Evidence with [mostProjects] projects twice is far shorter.
	longest = 64 << 10
)

// Exchange stores a text for this gateway where the whole fleet finds it, unless it is empty, and returns the texts of the
// other gateways. Each is kept for this long after it was stored.
type Exchange func(ctx context.Context, text string, keep time.Duration) (others []string, err error)

// Keeper adds up the reports of one gateway with those of the fleet. Make it with [NewKeeper].
type Keeper struct {
	RecentEvidence
	exchange Exchange

	mu       sync.Mutex // guards all below
	stored   string     // at the last exchange
	others   Evidence
	gateways int // whose evidence others is
	problem  string
}

// NewKeeper returns a keeper without reports. Without exchange it has its own only.
func NewKeeper(exchange Exchange) *Keeper { return &Keeper{exchange: exchange} }

// Run exchanges evidence with the fleet about once a minute, and once more when ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	if k.exchange == nil {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			if _, changed := k.text(time.Now()); changed {
				k.Meet(context.WithoutCancel(ctx), time.Now())
			}
			return nil
		case <-time.After(Routine/2 + time.Duration(rand.Int64N(int64(Routine)))): // not all gateways at the same time
			k.Meet(ctx, time.Now())
		}
	}
}

// text is the evidence of this gateway as others read it, and whether it is another than the stored one. "": none.
func (k *Keeper) text(now time.Time) (text string, changed bool) {
	e := k.Evidence(now)
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Polls == 0 && k.stored == "" {
		return "", false
	}
	b, _ := json.Marshal(e) // plain numbers and names
	return string(b), string(b) != k.stored
}

// Meet exchanges evidence once; [Keeper.Run] calls it. What is stored is the whole sum, so that a repetition changes nothing.
func (k *Keeper) Meet(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, changed := k.text(now)
	news := text
	if !changed {
		news = ""
	}
	texts, err := k.exchange(ctx, news, Period)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.problem = fmt.Sprintf("the sums of other gateways are those of an earlier time, or missing: %v", err)
		return
	}
	k.stored, k.problem, k.others, k.gateways = text, "", Evidence{}, 0
	for _, text := range texts {
		var e Evidence
		if len(text) > longest || json.Unmarshal([]byte(text), &e) != nil || e.Polls <= 0 {
			continue
		}
		k.others = k.others.Merge(e)
		k.gateways++
	}
}

// Summary returns the evidence of the fleet: of this gateway as it is now, and of the others as they last wrote it.
func (k *Keeper) Summary(now time.Time) Summary {
	own := k.Evidence(now)
	k.mu.Lock()
	defer k.mu.Unlock()
	gateways := k.gateways
	if own.Polls > 0 {
		gateways++
	}
	s := own.Merge(k.others).Summary(gateways)
	s.Problem = k.problem
	return s
}
