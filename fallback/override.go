package fallback

import "time"

// Override is a flag set for all gateways at once. It says less than a [Flag]: which projects push serves is each
// gateway's own.
type Override struct {
	Enabled bool
	Percent *int           // nil: the flag's own
	Ramp    *time.Duration // nil: likewise
}

// Over returns f as o overrides it. A flag that is off itself stays as it is: so push can be switched off where Redis
// is what broke.
func (o Override) Over(f Flag) Flag {
	if !f.Enabled {
		return f
	}
	f.Enabled = o.Enabled
	if o.Percent != nil {
		f.Percent = *o.Percent
	}
	if o.Ramp != nil {
		f.Ramp = *o.Ramp
	}
	return f
}
