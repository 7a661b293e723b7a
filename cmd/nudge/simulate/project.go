package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
)

// project is a project of the application.
type project struct {
	rate    float64 // advances per second
	version int32   // as the application has it
	commits []int32 // when each version was made
	awake   int32   // pages that are awake and watch it
	stored  int32   // the version in Redis, as its newest script left it
}

// largest is how many pages a project has at most. A larger fleet has more projects, not larger ones.
const largest = 5000

// cast draws the size and activity of each project, and the projects of each page. Each page has one project; every fifth page
// has one or two more. Few projects are large and most are small: sizes follow a power law, activity is log-normal.
func cast(o Options, random *rand.Rand) (projects []project, pages [][]uint32) {
	projects = make([]project, o.Projects)
	pages = make([][]uint32, o.Browsers)
	sizes := make([]float64, o.Projects) // summed up
	sum, rates := 0.0, 0.0
	for i := range projects {
		size := min(math.Pow(1-random.Float64(), -1/1.1), largest, float64(o.Browsers)/20)
		sum += size
		sizes[i] = sum
		projects[i].rate = math.Exp(1.5*random.NormFloat64()) * math.Pow(size, 0.25)
		rates += projects[i].rate
	}
	for i := range projects {
		projects[i].rate *= max(0, o.Advances) / rates
	}
	draw := func() uint32 {
		at, _ := slices.BinarySearch(sizes, random.Float64()*sum)
		return uint32(min(at, o.Projects-1))
	}
	every := o.every()
	if every > 0 {
		projects[0].rate = 1000 / float64(every)
	}
	room := make([]uint32, 0, o.Browsers*2)
	for i := range pages {
		begun := len(room)
		switch {
		case o.Script == "crowd":
			room = append(room, 0)
		case o.Script == "herd" && i%5 == 0: // and no other project: its news is the load beside which the others are measured
			room = append(room, 0)
			pages[i] = room[begun:len(room):len(room)]
			continue
		default:
			room = append(room, draw())
		}
		if random.IntN(5) == 0 {
			for range 1 + random.IntN(2) {
				if p := draw(); !slices.Contains(room[begun:], p) {
					room = append(room, p)
				}
			}
		}
		pages[i] = room[begun:len(room):len(room)]
	}
	return projects, pages
}
