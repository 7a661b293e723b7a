package redis

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"syscall"

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
	{"NOAUTH", version.FaultAuth, "set redis.password, or NUDGE_REDIS_PASSWORD; of Sentinels: redis.sentinel_password"},
	{"NOPERM", version.FaultNoPerm, "give the user the rights that docs/redis.md lists"},
	{"The user executing the script can't", version.FaultNoPerm, "give the user the rights that docs/redis.md lists"}, // Redis 7.0
	{"ACL failure in script", version.FaultNoPerm, "give the user the rights that docs/redis.md lists"},               // and later ones
	{"READONLY", version.FaultReadOnly, "redis.addrs must name a master; with Sentinels set redis.mode: sentinel"},
	{"MISCONF", version.FaultMisconf, "Redis cannot save to disk; see its log"},
	{"OOM", version.FaultMemory, "Redis is at its maxmemory; raise it, or see what fills it"},
	{"NOREPLICAS", version.FaultReplicas, "too few replicas follow the master; see its min-replicas-to-write"},
	{"CLUSTERDOWN", version.FaultCluster, "a part of the Cluster has no master; see CLUSTER INFO"},
	{"MASTERDOWN", version.FaultConnection, "it is a replica that lost its master; redis.addrs must name a master"},
	{"LOADING", version.FaultLoading, "Redis is starting; wait"},
	{"MOVED", version.FaultConnection, "it is part of a Cluster; set redis.mode: cluster"},
	{"ERR No such master", version.FaultConnection, "redis.master must be a name that the Sentinels know; see SENTINEL MASTERS"},
	{"ERR unknown command", version.FaultConnection, "see that redis.mode is what runs at redis.addrs"},
	{"ERR This instance has cluster support disabled", version.FaultConnection, "it is no Cluster; set redis.mode: standalone"},
}

// diagnose returns what kind of fault err is, and what to do about it.
func diagnose(err error) (f version.Fault, fix string) {
	var reply redis.Error
	if errors.As(err, &reply) {
		for _, known := range faults {
			if strings.Contains(reply.Error(), known.word) { // old servers do not put it at the start
				return known.fault, known.fix
			}
		}
	}
	if errors.Is(err, syscall.EMFILE) {
		return version.FaultConnection, "raise the limit of open files"
	}
	if errors.Is(err, errNoEcho) {
		return version.FaultConnection, "Redis may answer, but news does not come back in time; see redis-cli --latency, and any proxy between"
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return version.FaultConnection, "redis.tls_ca must be the authority that signed Redis's certificate, and redis.addrs a name in it"
	}
	return version.FaultConnection, "check that Redis runs, that redis.addrs is its address, and that redis.tls says whether it uses TLS"
}

// faultLog tells the host why no news arrives, and logs the reason when it changes. Only Run uses it, and within a session only
// the prober.
type faultLog struct {
	log  *slog.Logger
	lost func(version.Fault, error)
	last string // the last fault and its fix; "" after a good probe
}

// tell tells the host that no news arrives.
func (l *faultLog) tell(err error) {
	fault, fix := diagnose(err)
	if l.isNew(err) {
		l.log.Error("redis does not deliver; browsers poll until it does", "fault", string(fault), "error", err, "fix", fix)
	}
	l.lost(fault, err)
}

// isNew reports whether err needs another fix than the error before, and remembers err.
func (l *faultLog) isNew(err error) bool {
	fault, fix := diagnose(err)
	before := l.last
	l.last = string(fault) + fix
	return l.last != before
}
