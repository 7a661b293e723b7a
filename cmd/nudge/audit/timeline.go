package audit

// bins is how many points a timeline has at most. There are at least half as many, unless the log is shorter.
const bins = 240

// timeline counts requests over time. When it does not reach far enough, two bins become one.
type timeline struct {
	begin, width int64 // seconds; width 0: nothing was counted
	counts       [bins]int32
}

// Over is a timeline as a report has it.
type Over struct {
	Begin  int64   `json:"begin"`
	Width  int64   `json:"width_s"`
	Counts []int32 `json:"counts"`
}

func (t *timeline) add(second int64) {
	if t.width == 0 {
		t.begin, t.width = second, 1
	}
	for second < t.begin { // lines may be out of order, and logs may overlap
		t.wider()
		t.begin -= t.width * bins / 2
		copy(t.counts[bins/2:], t.counts[:bins/2])
		clear(t.counts[:bins/2])
	}
	for second >= t.begin+t.width*bins {
		t.wider()
	}
	t.counts[(second-t.begin)/t.width]++
}

// wider doubles the width, so that the second half is free.
func (t *timeline) wider() {
	for i := range bins / 2 {
		t.counts[i] = t.counts[2*i] + t.counts[2*i+1]
	}
	clear(t.counts[bins/2:])
	t.width *= 2
}

// result leaves out the empty bins at the end.
func (t *timeline) result() Over {
	last := bins
	for last > 0 && t.counts[last-1] == 0 {
		last--
	}
	return Over{t.begin, t.width, t.counts[:last]}
}
