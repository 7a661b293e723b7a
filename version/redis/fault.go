package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
)

// faults says what a word in a server's error means, and how an operator can fix it.
var faults = []struct {
	word  string
	fault version.Fault
	fix   string
}{
	{"WRONGPASS", version.FaultAuth, "see redis.username and redis.password; of Sentinels: redis.sentinel_username and redis.sentinel_password"},
	{"without any password configured", version.FaultAuth, "this Redis has no password; remove redis.password, or set requirepass there"},
	{"ERR invalid password", version.FaultAuth, "see redis.password"}, // before Redis 6
	{"DENIED", version.FaultAuth, "Redis runs in protected mode; set requirepass there, and redis.password here to the same"},
	{"max number of clients", version.FaultConnection, "raise maxclients in the configuration of Redis, or find who opens so many connections (CLIENT LIST)"},
	{"ERR DB index is out of range", version.FaultConnection, "redis.db must be below databases in the configuration of Redis"},
	{"NOAUTH", version.FaultAuth, "set redis.password, or NUDGE_REDIS_PASSWORD; of Sentinels: redis.sentinel_password"},
	{"NOPERM", version.FaultNoPerm, "give the user the rights that docs/redis.md lists"},
	{"The user executing the script can't", version.FaultNoPerm, "give the user the rights that docs/redis.md lists"}, // Redis 7.0
	{"ACL failure in script", version.FaultNoPerm, "give the user the rights that docs/redis.md lists"},               // and later ones
	{"READONLY", version.FaultReadOnly, "redis.url or redis.addrs must name a master; with Sentinels set redis.mode: sentinel"},
	{"MISCONF", version.FaultMisconf, "Redis cannot save to disk; see its log"},
	{"OOM", version.FaultMemory, "Redis is at its maxmemory; raise it, or see what fills it"},
	{"NOREPLICAS", version.FaultReplicas, "too few replicas follow the master; see its min-replicas-to-write"},
	{"CLUSTERDOWN", version.FaultCluster, "a part of the Cluster has no master; see CLUSTER INFO"},
	{"MASTERDOWN", version.FaultConnection, "it is a replica that lost its master; redis.url or redis.addrs must name a master"},
	{"LOADING", version.FaultLoading, "Redis is starting; wait"},
	{"MOVED", version.FaultConnection, "it is part of a Cluster; set redis.mode: cluster"},
	{"ERR No such master", version.FaultConnection, "redis.master must be a name that the Sentinels know; see SENTINEL MASTERS"},
	{"ERR unknown command", version.FaultConnection, "see that redis.mode is what runs there"},
	{"ERR This instance has cluster support disabled", version.FaultConnection, "it is no Cluster; set redis.mode: standalone"},
}

// diagnose returns what kind of fault err is, and what to do about it.
func (o *Options) diagnose(err error) (f version.Fault, fix string) {
	var reply redis.Error
	if errors.As(err, &reply) {
		for _, known := range faults {
			if strings.Contains(reply.Error(), known.word) { // old servers do not put it at the start
				return known.fault, known.fix
			}
		}
	}
	var dial *dialError
	switch {
	case errors.Is(err, syscall.EMFILE):
		fix = "raise the limit of open files"
	case errors.Is(err, errNoEcho):
		fix = "Redis may answer, but news does not come back in time; see redis-cli --latency, and any proxy between"
	case errors.As(err, &dial) && dial.secure:
		fix = dial.fixTLS()
	case errors.As(err, &dial):
		fix = dial.fix()
	default:
		fix = o.fixConversation(err)
	}
	return version.FaultConnection, fix
}

const announceFix = "a Sentinel or the Cluster named this address, which must be one that gateways reach: " +
	"set replica-announce-ip, sentinel announce-ip or cluster-announce-ip there"

// fix says what to do if the server cannot be reached.
func (e *dialError) fix() string {
	var name *net.DNSError
	switch {
	case errors.Is(e.err, fs.ErrPermission) && strings.HasPrefix(e.addr, "/"):
		return "let this user open the socket; see unixsocketperm in the configuration of Redis, and the rights of its directory"
	case strings.HasPrefix(e.addr, "/"):
		return "check that Redis runs, and that unixsocket in its configuration is this path"
	case e.announced:
		return announceFix
	case errors.As(e.err, &name):
		return "no such name is known here; check redis.url or redis.addrs, and the DNS of this machine"
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return "nothing listens there; check that Redis runs, that redis.url or redis.addrs has its port, and that Redis listens on this address (bind)"
	case errors.Is(e.err, context.DeadlineExceeded), errors.Is(e.err, os.ErrDeadlineExceeded):
		return "nothing answers there; check redis.url or redis.addrs, and firewalls between"
	}
	return "check that Redis runs, and that redis.url or redis.addrs is its address"
}

// fixTLS says what to do if the server is reached, and TLS fails.
func (e *dialError) fixTLS() string {
	var (
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		verify    *tls.CertificateVerificationError
		alert     = e.err.Error()
	)
	switch {
	case errors.As(e.err, &name) && len(name.Certificate.DNSNames)+len(name.Certificate.IPAddresses) == 0:
		return "the certificate names no host; give Redis one with the name in redis.url or redis.addrs. If it has to sign its own, as Heroku's do, write redis.tls_verify: false"
	case errors.As(e.err, &name) && e.announced:
		return "the certificate is for " + namesIn(name.Certificate) + ", and a Sentinel or the Cluster named this address; " +
			"let them announce a name of the certificate (replica-announce-ip, sentinel announce-hostnames, cluster-announce-hostname)"
	case errors.As(e.err, &name):
		return "the certificate is for " + namesIn(name.Certificate) + "; write one of these names in redis.url or redis.addrs"
	case errors.As(e.err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of Redis is not valid at the time of this machine; renew it, or set the clock"
	case errors.As(e.err, &authority):
		return "redis.tls_ca must name the authority that signed Redis's certificate; if the server signs its own, as Heroku's do, write redis.tls_verify: false"
	case errors.As(e.err, &verify):
		return "redis.tls_ca must be the authority that signed Redis's certificate, and redis.url or redis.addrs a name in it"
	case strings.Contains(alert, remoteAlert):
		return clientCertificateFix
	}
	return "what listens there probably speaks no TLS; write redis.tls: false (redis:// in redis.url), or name the port with TLS"
}

// remoteAlert is how the standard library reports that the server ended TLS.
const remoteAlert = "remote error: tls:"

const clientCertificateFix = "Redis wants another certificate from its clients; set redis.tls_cert and redis.tls_key to one that it trusts, " +
	"or tls-auth-clients no in its configuration"

// namesIn lists the names of a certificate.
func namesIn(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	const most = 5
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}

// fixConversation says what to do about an error of a connection that was made.
func (o *Options) fixConversation(err error) string {
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	secure := o.access.Load().TLS != nil
	switch {
	case strings.Contains(err.Error(), remoteAlert):
		return clientCertificateFix
	case cut && secure:
		return "Redis closed the connection; it may be restarting, or want a certificate from its clients (redis.tls_cert and redis.tls_key)"
	case cut:
		return "Redis closed the connection; it may be restarting, or speak only TLS at this port (redis.tls: true, or rediss:// in redis.url)"
	case strings.Contains(err.Error(), "invalid reply"), strings.Contains(err.Error(), "can't parse"):
		return "what answers there is no Redis; check that redis.url or redis.addrs is its address, and that redis.tls says whether it uses TLS"
	}
	return "check that Redis runs, that redis.url or redis.addrs is its address, and that redis.tls says whether it uses TLS"
}

// short returns the text of an error for a log line: some replies are a page long.
func short(err error) string {
	const most = 200
	text := err.Error()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// faultLog tells the host why no news arrives, and logs each reason once. Only Run uses it, and within a session only the
// prober.
type faultLog struct {
	opt  *Options
	said map[string]time.Time // each fault with its fix, and when it came last
}

// saidTime is how long push must work before a fault that comes back is logged again.
const saidTime = time.Minute

// tell tells the host that no news arrives.
func (l *faultLog) tell(err error) {
	fault, fix := l.opt.diagnose(err)
	if l.isNew(err) {
		l.opt.Log.Error("redis does not deliver; browsers poll until it does", "fault", string(fault), "error", short(err), "fix", fix)
	}
	l.opt.Host.Lost(fault, err)
}

// isNew reports whether err needs another fix than all errors before, and remembers err.
func (l *faultLog) isNew(err error) bool {
	fault, fix := l.opt.diagnose(err)
	key := string(fault) + fix
	_, said := l.said[key]
	l.said[key] = time.Now()
	return !said
}

// good notes that a probe was sent.
func (l *faultLog) good() {
	maps.DeleteFunc(l.said, func(_ string, last time.Time) bool { return time.Since(last) > saidTime })
}
