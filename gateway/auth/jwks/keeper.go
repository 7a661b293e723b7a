package jwks

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Keeper keeps the key sets of all sources in use.
type Keeper struct {
	log     *slog.Logger
	client  *http.Client
	changed chan struct{} // sets has changed

	mu   sync.Mutex // guards sets
	sets map[string]*Set
}

// NewKeeper returns a keeper without sets. It asks key servers with transport; nil: an ordinary one.
func NewKeeper(transport http.RoundTripper, log *slog.Logger) *Keeper {
	client := newClient()
	if transport != nil {
		client.Transport = transport
	}
	return &Keeper{log: log, client: client, changed: make(chan struct{}, 1), sets: map[string]*Set{}}
}

// Open returns the sets of these sources, in this order, and lets go of all others. It reads each set that is not in use yet, and
// waits for it. If one cannot be had, that is an error, and nothing changes. With starting, that holds for files only: a gateway
// starts while a key server is away, and Run asks that.
func (k *Keeper) Open(ctx context.Context, starting bool, sources ...string) ([]*Set, error) {
	k.mu.Lock()
	known := k.sets
	k.mu.Unlock()
	all, next := make([]*Set, len(sources)), map[string]*Set{}
	for i, text := range sources {
		s := cmp.Or(known[text], next[text])
		if s == nil {
			s = newSet(source{text, k.client}, k.log)
			if !starting || !s.source.isURL() {
				keys, err := s.load(ctx)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", s.source, err)
				}
				s.take(keys)
			}
		}
		all[i], next[text] = s, s
	}
	k.mu.Lock()
	k.sets = next
	k.mu.Unlock()
	select {
	case k.changed <- struct{}{}:
	default:
	}
	return all, nil
}

// Run reads all sets again and again until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	stops := map[*Set]context.CancelFunc{}
	for {
		sets := k.all()
		for s, stop := range stops {
			if !slices.Contains(sets, s) {
				stop()
				delete(stops, s)
			}
		}
		for _, s := range sets {
			if stops[s] == nil {
				one, stop := context.WithCancel(ctx)
				defer stop()
				stops[s] = stop
				running.Go(func() { s.run(one) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.changed:
		}
	}
}

func (k *Keeper) all() (sets []*Set) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sets {
		sets = append(sets, s)
	}
	return sets
}

// Status returns the state of all sets, in the order of their sources.
func (k *Keeper) Status() (all []Status) {
	now := time.Now()
	for _, s := range k.all() {
		all = append(all, s.status(now))
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Source, b.Source) })
	return all
}

// Age returns how long ago a source could last be read, of the one for which that is longest; 0 without sources.
func (k *Keeper) Age() time.Duration {
	var age float64
	for _, s := range k.Status() {
		age = max(age, s.Age)
	}
	return time.Duration(age * float64(time.Second))
}
