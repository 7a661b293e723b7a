package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"slices"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/loglimit"
	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/version"
	"nudge/version/redis"
)

// newLogger returns the configured logger, and its level, which can be changed later.
func newLogger(c config.Log, w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(levelOf(c))
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(loglimit.New(slog.NewJSONHandler(w, options))), level
	}
	return slog.New(loglimit.New(slog.NewTextHandler(w, options))), level
}

// levelOf returns the configured level. The configuration must have been checked.
func levelOf(c config.Log) (l slog.Level) {
	_ = l.UnmarshalText([]byte(c.Level)) // an unknown name leaves 0, which is info
	return l
}

// gatewaySettings returns the settings that a running gateway can change.
func gatewaySettings(c *config.Config) gateway.Settings {
	return gateway.Settings{
		Flag: fallback.Flag{
			Enabled: c.Push.Enabled, Percent: c.Push.Percent,
			Include: c.Push.Include, Exclude: c.Push.Exclude, Ramp: c.Push.Ramp,
		},
		Policy: fallback.Policy{
			Fast: c.Poll.Fast, Slow: c.Poll.Slow, Longest: c.Poll.Longest, Gap: c.Poll.Gap,
			Budget: c.Poll.Budget, Jitter: c.Poll.Jitter, Heartbeat: c.Heartbeat,
		},
		Auth:   authSettings(&c.Auth),
		Limits: gatewayLimits(c.Limits),
		CORS:   auth.CORS{Origins: c.CORS.Origins, Headers: c.CORS.Headers},
	}
}

func authSettings(c *config.Auth) auth.Settings {
	s := auth.Settings{
		Open: c.Open, Secret: secretBytes(c.Secret), Previous: secretBytes(c.PreviousSecret), JWKS: c.JWKS,
		Issuer: c.Issuer, Audience: c.Audience, Leeway: c.Leeway, RequireSubject: c.RequireSubject, TokenLife: c.TokenLife, CookieSecure: auth.CookieSecure(c.CookieSecure),
		Claims: auth.Claims{Subject: c.Claims.Subject, Subscribe: c.Claims.Subscribe, Publish: c.Claims.Publish, Revoke: c.Claims.Revoke},
	}
	for _, i := range c.Issuers {
		one := auth.Issuer{Name: i.Issuer, Secret: secretBytes(i.Secret), JWKS: i.JWKS, Audience: i.Audience, Projects: []version.Pattern{}}
		for _, text := range i.Projects {
			if p, err := version.ParsePattern(text); err == nil { // the configuration was checked
				one.Projects = append(one.Projects, p)
			}
		}
		s.Issuers = append(s.Issuers, one)
	}
	return s
}

// secretBytes returns the bytes of a secret. The configuration must have been checked.
func secretBytes(text string) string {
	secret, _ := config.SecretBytes(text)
	return secret
}

func gatewayLimits(l config.Limits) limits.Settings {
	return limits.Settings{
		Streams: l.Streams, GoroutineStreams: l.GoroutineStreams, ProjectsPerStream: l.ProjectsPerStream, Projects: l.Projects,
		StreamsPerSubject: l.StreamsPerSubject, StreamsPerAddress: l.StreamsPerAddress,
		PerSubject: [limits.Requests]int{
			limits.Connects:    l.ConnectsPerSubject,
			limits.Polls:       l.PollsPerSubject,
			limits.Versions:    l.VersionsPerSubject,
			limits.Publishes:   l.PublishesPerSubject,
			limits.Reports:     l.ReportsPerSubject,
			limits.Shadow:      l.ShadowPerSubject,
			limits.Sessions:    l.SessionsPerSubject,
			limits.Revocations: l.RevocationsPerSubject,
			limits.Projects:    l.ProjectsPerSubject,
		},
		ConnectsPerSecond: l.ConnectsPerSecond, StreamAge: l.StreamAge, Body: int64(l.Body),
		ConnectionsPerAddress: l.ConnectionsPerAddress, TrustedProxies: l.Proxies(),
	}
}

// gatewayOptions returns all options of a gateway except its source.
func gatewayOptions(c *config.Config, log *slog.Logger) gateway.Options {
	node := c.Node
	if node == "" {
		node, _ = os.Hostname() // without a host name the node has no name
		node = node[:min(len(node), version.MaxWord)]
	}
	o := gateway.Options{
		Settings: gatewaySettings(c), Probe: c.Redis.Probe,
		Node: node, Instance: fmt.Sprintf("%08x", rand.Uint32()), Version: release,
		Hosts: c.Hosts, OpsHosts: opsHosts(c), BasePath: c.BasePath, Cookie: c.Auth.Cookie, QueryToken: c.Auth.Query, HSTS: c.TLS.HSTS,
		DrainDelay: c.Drain.Delay, DrainWindow: c.Drain.Window, Log: log,
	}
	if o.Proven = c.Redis.Mode == "none"; !o.Proven {
		o.Listen = c.Redis.Probe // to receive the probes of other gateways before it is ready
	}
	return o
}

// opsHosts returns the names of the operators' listener: those that are configured, its own, and that of the machine.
func opsHosts(c *config.Config) []string {
	names := slices.Clone(c.OpsHosts)
	if host, _, err := net.SplitHostPort(c.OpsListen); err == nil && host != "" {
		names = append(names, host)
	}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	return names
}

// redisOptions returns how to connect to Redis.
func redisOptions(c *config.Config, log *slog.Logger) redis.Options {
	return redis.Options{
		Mode:  map[string]redis.Mode{"sentinel": redis.Sentinel, "cluster": redis.Cluster}[c.Redis.Mode],
		Addrs: c.Redis.Addrs, DB: c.Redis.DB, Access: redisAccess(c), Master: c.Redis.Master,
		Prefix: c.Redis.Prefix, Probe: c.Redis.Probe, Log: log,
	}
}

// redisAccess returns what a running gateway can change of it.
func redisAccess(c *config.Config) redis.Access {
	a := redis.Access{
		Username: c.Redis.Username, Password: c.Redis.Password,
		SentinelUsername: c.Redis.SentinelUsername, SentinelPassword: c.Redis.SentinelPassword,
	}
	if !c.Redis.TLS {
		return a
	}
	a.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Files.RedisCA, InsecureSkipVerify: !c.Redis.TLSVerify}
	if own := c.Files.RedisCertificate; own != nil {
		a.TLS.Certificates = []tls.Certificate{*own}
	}
	return a
}
