package gateway

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/pace"
	"nudge/version/control"
)

// Settings are what may change while streams are open, by [Gateway.Apply]. The zero value lets nobody in:
// it has no keys and a flag that is off.
type Settings struct {
	Flag   fallback.Flag
	Policy fallback.Policy
	Auth   auth.Settings
	Limits Limits
}

// Limits bound what callers may take. What zero means stands beside each.
type Limits struct {
	Streams           int           // open streams and held polls; 0: from the file limit
	GoroutineStreams  int           // of these, those that cost a goroutine; 0: from the memory limit
	ProjectsPerStream int           // at most and by default 64
	Projects          int           // listened for at once; 0: 200,000
	StreamsPerSubject int           // 0: no limit
	StreamsPerAddress int           // 0: no limit
	ConnectsPerSecond int           // new streams and held polls; 0: no limit
	StreamAge         time.Duration // after which a stream is asked to come back, jittered; 0: never
	Body              int64         // bytes of a request's body; 0: 64 KiB
	TrustedProxies    []string      // CIDRs whose X-Forwarded-For is believed
}

// maxProjects bounds a stream whatever the limits say.
const maxProjects = 64

// current is Settings with what is derived from them once.
type current struct {
	Settings
	Flag     pace.Flag // in force, in place of that of the settings; what the fleet was told outlives these, like revoked
	verifier *auth.Verifier
	revoked  auth.Revocations
	// locate puts the caller's address into the request's context, as the trusted proxies tell it; nil: there are none.
	locate func(http.Handler) http.Handler
}

func newCurrent(s Settings, opt *Options) (c *current, err error) {
	if s.Limits.ProjectsPerStream <= 0 || s.Limits.ProjectsPerStream > maxProjects {
		s.Limits.ProjectsPerStream = maxProjects
	}
	if s.Limits.Projects <= 0 {
		s.Limits.Projects = 200_000
	}
	if s.Limits.Body <= 0 {
		s.Limits.Body = 64 << 10
	}
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
