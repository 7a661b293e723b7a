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

// Settings may change while streams are open, by [Gateway.Apply]. The zero value admits no caller: it has no keys, and its
// flag is off.
type Settings struct {
	Flag   fallback.Flag
	Policy fallback.Policy
	Auth   auth.Settings
	Limits limits.Settings
}

// current is the settings in force, and what is derived from them. It is replaced, never changed.
type current struct {
	Settings
	Flag     pace.Flag // in force: the flag of the settings, with the override of the fleet
	verifier *auth.Verifier
	revoked  auth.Revocations
	rules    *stream.Rules // flag and revocations, for streams
	// locate puts the address that the trusted proxies report into the request's context; nil: there are none.
	locate func(http.Handler) http.Handler
}

func newCurrent(s Settings, opt *Options) (c *current, err error) {
	s.Limits = s.Limits.WithDefaults()
	places := auth.Places{Cookie: opt.Cookie, Query: opt.QueryToken}
	c = &current{
		Settings: s, Flag: pace.NewFlag(s.Flag, control.FlagEntry{}), verifier: auth.NewVerifier(s.Auth, places, opt.Log),
	}
	c.rules = newRules(c)
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
