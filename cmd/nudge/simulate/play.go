package simulate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Play is everything that happens in a simulation, except random decisions of pages and gateways. So real processes can run
// the same play. All gateways start when it begins, and push is not proven yet. Its pages stay visible.
type Play struct {
	// Pages are the projects of each page: from 1 to 3, numbered from 0.
	Pages [][]uint32
	// From and Until: pages open evenly in between.
	From, Until time.Duration
	// Changes are those of projects, in the order of time.
	Changes []Change
	// Acts are the faults and other changes of the fleet, in the order of time.
	Acts   []Act
	Length time.Duration
}

// Change raises the version of a project by one. All begin at 0.
type Change struct {
	At      time.Duration
	Project uint32
}

// Compose makes random pages and changes from Seed, Browsers, Projects and Advances. The caller adds the acts.
func Compose(o Options, from, until, length time.Duration) (*Play, error) {
	o.Play = nil
	if err := o.Check(); err != nil {
		return nil, err
	}
	dice := rand.New(rand.NewPCG(o.Seed, 0x706c6179))
	projects, pages := cast(o, dice)
	p := &Play{Pages: pages, From: from, Until: until, Length: length}
	for i := range projects {
		rate := projects[i].rate
		if rate <= 0 {
			continue
		}
		for at := 0.0; ; {
			at += dice.ExpFloat64() / rate
			if at >= length.Seconds() {
				break
			}
			p.Changes = append(p.Changes, Change{time.Duration(at * float64(time.Second)), uint32(i)})
		}
	}
	slices.SortFunc(p.Changes, func(a, b Change) int { return int(a.At - b.At) })
	return p, nil
}

// Opens is when a page opens.
func (p *Play) Opens(page int) time.Duration {
	return p.From + (p.Until-p.From)*time.Duration(page)/time.Duration(len(p.Pages))
}

// projects returns the number of projects.
func (p *Play) projects() int {
	n := uint32(0)
	for _, page := range p.Pages {
		n = max(n, slices.Max(page)+1)
	}
	for _, c := range p.Changes {
		n = max(n, c.Project+1)
	}
	return int(n)
}

func (p *Play) check() error {
	if len(p.Pages) == 0 || p.Length <= 0 || p.From <= 0 || p.Until < p.From {
		return errors.New("a play lacks pages, its length, or a time for pages to open; set Pages, Length, From and Until")
	}
	for i, page := range p.Pages {
		if len(page) == 0 || len(page) > most {
			return fmt.Errorf("page %d of the play has too few or too many projects; give it 1 to %d", i, most)
		}
	}
	if !slices.IsSortedFunc(p.Changes, func(a, b Change) int { return int(a.At - b.At) }) ||
		!slices.IsSortedFunc(p.Acts, func(a, b Act) int { return int(a.At - b.At) }) {
		return errors.New("changes or acts of the play are not in the order of time; sort them")
	}
	return nil
}
