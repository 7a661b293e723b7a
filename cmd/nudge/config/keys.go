// Package config reads the configuration of an operator: defaults, config.yaml, NUDGE_* variables and flags.
//
//	Loader.Load ─► file, environment, flags: each value is read once, into its key's type ─► viper merges ─► validate ─► Config
//	Watcher.Run ─► the file has changed, or SIGHUP ─► Load ─► Apply, or the last good Config stays
//
// The fields of [Config] and their tags are the list of all keys; everything else is derived from it (setting.go). An error
// is [Problems]: all mistakes, each with the line, the key and what to write instead.
//
// The package imports no other package of this module. Package main maps a Config to the options of gateway and Redis. So a
// key keeps its name when a field elsewhere is renamed.
package config

import (
	"net/netip"
	"strings"
	"time"
)

// Config is the whole configuration, one field per key of config.yaml. A *Config that was loaded never changes: a reload
// makes a new one, so it may be read from anywhere without a lock.
//
// The mapstructure tag is the key. The tag `secret:"true"` keeps a value out of messages, logs and `nudge config print`;
// of `secret:"url"` only the credentials are hidden. `file:"true"`: the value names a file, which is read again when it changes.
type Config struct {
	Listen        string        `mapstructure:"listen"`         // of the public server: host:port, the path of a unix socket, systemd or systemd:NAME
	SocketMode    string        `mapstructure:"socket_mode"`    // of unix sockets, octal
	ProxyProtocol bool          `mapstructure:"proxy_protocol"` // trusted proxies begin connections to the public server with a PROXY header
	H2C           bool          `mapstructure:"h2c"`            // the public server also takes HTTP/2 without TLS
	OpsListen     string        `mapstructure:"ops_listen"`     // the same of the operators' server; "" for none
	Hosts         []string      `mapstructure:"hosts"`          // names in Host that the public server answers; empty: any
	OpsHosts      []string      `mapstructure:"ops_hosts"`      // further names of the operators' server
	BasePath      string        `mapstructure:"base_path"`      // "" or /path, without a slash at the end
	Node          string        `mapstructure:"node"`           // "" for the host name
	Log           Log           `mapstructure:"log"`
	TLS           TLS           `mapstructure:"tls"`
	Redis         Redis         `mapstructure:"redis"`
	Auth          Auth          `mapstructure:"auth"`
	Push          Push          `mapstructure:"push"`
	Poll          Poll          `mapstructure:"poll"`
	Heartbeat     time.Duration `mapstructure:"heartbeat"` // 1s at least
	Limits        Limits        `mapstructure:"limits"`
	Drain         Drain         `mapstructure:"drain"`
	CORS          CORS          `mapstructure:"cors"`

	Files Files `mapstructure:"-"` // what the keys name that are files
}

// Log says how much is logged, and how it looks.
type Log struct {
	Level  string `mapstructure:"level"`  // debug, info, warn or error
	Format string `mapstructure:"format"` // text or json
}

// TLS is that of the public server. Without Cert and Key it is plain HTTP.
type TLS struct {
	Cert string        `mapstructure:"cert" file:"true"`
	Key  string        `mapstructure:"key" file:"true"`
	HSTS time.Duration `mapstructure:"hsts"` // max-age; 0: browsers forget it
}

// Redis says how to reach Redis, the source of news.
type Redis struct {
	URL              string        `mapstructure:"url" secret:"url"` // what it says was also written into the keys below
	Mode             string        `mapstructure:"mode"`             // none, standalone, sentinel or cluster
	Addrs            []string      `mapstructure:"addrs"`            // host:port or a socket's path; one in mode standalone, the Sentinels, or nodes of the Cluster
	Master           string        `mapstructure:"master"`
	DB               int           `mapstructure:"db"`
	Username         string        `mapstructure:"username"`
	Password         string        `mapstructure:"password" secret:"true"`
	SentinelUsername string        `mapstructure:"sentinel_username"`
	SentinelPassword string        `mapstructure:"sentinel_password" secret:"true"`
	TLS              bool          `mapstructure:"tls"`
	TLSCA            string        `mapstructure:"tls_ca" file:"true"` // "" for the system's authorities
	TLSCert          string        `mapstructure:"tls_cert" file:"true"`
	TLSKey           string        `mapstructure:"tls_key" file:"true"`
	TLSVerify        bool          `mapstructure:"tls_verify"` // false: any certificate is taken
	Prefix           string        `mapstructure:"prefix"`
	Probe            time.Duration `mapstructure:"probe"` // 100ms to 30s
}

// Auth says which tokens are accepted. A gateway needs Open, or keys: Secret, JWKS or Issuers.
type Auth struct {
	Open           bool          `mapstructure:"open"`
	Secret         string        `mapstructure:"secret" secret:"true"` // 32 bytes at least; see SecretBytes
	PreviousSecret string        `mapstructure:"previous_secret" secret:"true"`
	JWKS           string        `mapstructure:"jwks"` // https URL or file
	Issuer         string        `mapstructure:"issuer"`
	Audience       string        `mapstructure:"audience"`
	Issuers        []Issuer      `mapstructure:"issuers" secret:"true"` // holds secrets
	Claims         Claims        `mapstructure:"claims"`
	Leeway         time.Duration `mapstructure:"leeway"`
	RequireSubject bool          `mapstructure:"require_subject"`
	TokenLife      time.Duration `mapstructure:"token_life"`    // 0: any
	Cookie         string        `mapstructure:"cookie"`        // "" for no cookie
	CookieSecure   string        `mapstructure:"cookie_secure"` // auto, always or never
	Query          bool          `mapstructure:"query"`         // accept ?token=
}

// Claims are the names of the claims that tokens may have under another name.
type Claims struct {
	Subject   string `mapstructure:"subject"`
	Subscribe string `mapstructure:"subscribe"`
	Publish   string `mapstructure:"publish"`
	Revoke    string `mapstructure:"revoke"`
}

// Push is the feature flag.
type Push struct {
	Enabled bool          `mapstructure:"enabled"`
	Percent int           `mapstructure:"percent"` // 0 to 100
	Include []string      `mapstructure:"include"` // project ids, or prefix*; empty for all
	Exclude []string      `mapstructure:"exclude"`
	Ramp    time.Duration `mapstructure:"ramp"` // 0: at once
}

// Poll says how often browsers poll.
type Poll struct {
	Fast    time.Duration `mapstructure:"fast"`    // 1s at least
	Slow    time.Duration `mapstructure:"slow"`    // not below Fast
	Longest time.Duration `mapstructure:"longest"` // not below Fast
	Gap     time.Duration `mapstructure:"gap"`     // not above Fast
	Jitter  float64       `mapstructure:"jitter"`  // 0 ≤ Jitter < 1
	Budget  float64       `mapstructure:"budget"`  // polls per second; 0: browsers ÷ Fast, 50 at least
}

// Limits says how much callers may use.
type Limits struct {
	Streams               int           `mapstructure:"streams"`                 // 0: from the file limit
	GoroutineStreams      int           `mapstructure:"goroutine_streams"`       // 0: from the memory limit
	ProjectsPerStream     int           `mapstructure:"projects_per_stream"`     // 1 to 64
	Projects              int           `mapstructure:"projects"`                // 0: 200,000
	StreamsPerSubject     int           `mapstructure:"streams_per_subject"`     // 0: 256
	StreamsPerAddress     int           `mapstructure:"streams_per_address"`     // 0: half of all streams; none for 127.0.0.1
	ConnectionsPerAddress int           `mapstructure:"connections_per_address"` // 0: a quarter of all
	ConnectsPerSecond     int           `mapstructure:"connects_per_second"`     // 0: no limit
	ConnectsPerSubject    int           `mapstructure:"connects_per_subject"`    // in a minute; 0: 600
	PollsPerSubject       int           `mapstructure:"polls_per_subject"`       // in a minute; 0: 600
	VersionsPerSubject    int           `mapstructure:"versions_per_subject"`    // in a minute; 0: 1,200
	PublishesPerSubject   int           `mapstructure:"publishes_per_subject"`   // in a minute; 0: 60,000
	ReportsPerSubject     int           `mapstructure:"reports_per_subject"`     // in a minute; 0: 60
	ShadowPerSubject      int           `mapstructure:"shadow_per_subject"`      // in a minute; 0: 10
	SessionsPerSubject    int           `mapstructure:"sessions_per_subject"`    // in a minute; 0: 600
	RevocationsPerSubject int           `mapstructure:"revocations_per_subject"` // in a minute; 0: 600
	ProjectsPerSubject    int           `mapstructure:"projects_per_subject"`    // in a minute; 0: 4,096
	StreamAge             time.Duration `mapstructure:"stream_age"`              // 0: no limit
	Body                  Size          `mapstructure:"body"`                    // of a request
	TrustedProxies        []string      `mapstructure:"trusted_proxies"`         // CIDRs or addresses
}

// Drain says how long the phases of a shutdown take.
type Drain struct {
	Delay  time.Duration `mapstructure:"delay"`
	Window time.Duration `mapstructure:"window"`
}

// CORS says which other origins may use the gateway, and how.
type CORS struct {
	Origins []string `mapstructure:"origins"` // scheme://host[:port], a star for one label, or "*" with auth.open
	Headers []string `mapstructure:"headers"` // that pages may send besides the usual ones; "*": any
}

// Proxies returns TrustedProxies as networks; a plain address is a network of
// one. Only for a configuration that Validate accepted: others lose entries.
func (l Limits) Proxies() []netip.Prefix {
	networks := make([]netip.Prefix, 0, len(l.TrustedProxies))
	for _, text := range l.TrustedProxies {
		if network, err := parseNetwork(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(address, address.BitLen()), nil
}
