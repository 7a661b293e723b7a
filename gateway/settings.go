package gateway

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5/middleware"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/stream"
	"nudge/version/control"
)

// Settings are what may change while streams are open, by [Gateway.Apply]. The zero value lets nobody in:
// it has no keys and a flag that is off.
type Settings struct {
	Flag   fallback.Flag
	Policy fallback.Policy
	Auth   auth.Settings
	Limits limits.Settings
}

// current is Settings with what is derived from them once.
type current struct {
	Settings
	Flag     pace.Flag // in force, in place of that of the settings; what the fleet was told outlives these, like revoked
	verifier *auth.Verifier
	revoked  auth.Revocations
	rules    *stream.Rules // for streams, from the flag and the revocations
	// locate puts the caller's address into the request's context, as the trusted proxies tell it; nil: there are none.
	locate func(http.Handler) http.Handler
}

func newCurrent(s Settings, opt *Options) (c *current, err error) {
	s.Limits = s.Limits.WithDefaults()
	c = &current{Settings: s, Flag: pace.NewFlag(s.Flag, control.FlagEntry{}), verifier: auth.NewVerifier(s.Auth, auth.Places{Cookie: opt.Cookie, Query: opt.QueryToken}, opt.Log)}
	if len(s.Limits.TrustedProxies) > 0 {
		defer func() { // the constructor panics at a bad prefix
			if bad := recover(); bad != nil {
				err = fmt.Errorf("limits.trusted_proxies: %v", bad)
			}
		}()
		c.locate = middleware.ClientIPFromXFF(s.Limits.TrustedProxies...)
	}
	return c, nil
}
