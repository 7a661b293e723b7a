package config

import "time"

// Default returns the defaults. Callers own the result. It has no secret: serving needs auth.secret or auth.open besides.
func Default() *Config {
	return &Config{
		Listen:     "localhost:8080",
		OpsListen:  "127.0.0.1:9090",
		SocketMode: "0660",
		Hosts:      []string{},
		OpsHosts:   []string{},
		Log:        Log{Level: "info", Format: "text"},
		TLS:        TLS{HSTS: 24 * time.Hour},
		Redis: Redis{
			Mode:      "none",
			Addrs:     []string{},
			TLSVerify: true,
			Prefix:    defaultPrefix,
			Probe:     2 * time.Second,
		},
		Auth: Auth{
			Audience: "nudge", Issuers: []Issuer{}, Leeway: 30 * time.Second, TokenLife: 366 * day, Cookie: "nudge", CookieSecure: "auto",
			Claims: Claims{Subject: "sub", Subscribe: "subscribe", Publish: "publish", Revoke: "revoke"},
		},
		Push: Push{
			Enabled: true,
			Percent: 100,
			Include: []string{},
			Exclude: []string{},
			Ramp:    time.Minute,
		},
		Poll: Poll{
			Fast:    10 * time.Second,
			Slow:    5 * time.Minute,
			Longest: time.Minute,
			Gap:     time.Second,
			Jitter:  0.2,
		},
		Heartbeat: 25 * time.Second,
		Limits: Limits{
			ProjectsPerStream: maxProjects,
			StreamAge:         time.Hour,
			Body:              64 * KiB,
			TrustedProxies:    []string{},
		},
		Drain: Drain{Delay: 5 * time.Second, Window: 20 * time.Second},
		CORS:  CORS{Origins: []string{}, Headers: []string{}},
	}
}
