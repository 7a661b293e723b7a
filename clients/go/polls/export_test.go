package polls

import "time"

// Patient are options with which polls wait for a Redis on a busy machine.
func (o Options) Patient() Options {
	o.limit = time.Minute
	return o
}
