//go:build unix

package redistest

import (
	"os"
	"strings"
)

// Newer are the commands of Redis 7.0 that Redis 6.2 does not have. A part after | is that of a subcommand.
var Newer = []string{
	"acl|dryrun", "blmpop", "bzmpop", "client|no-evict", "cluster|addslotsrange", "cluster|delslotsrange", "cluster|links", "cluster|shards",
	"command|docs", "command|getkeysandflags", "command|list", "eval_ro", "evalsha_ro", "expiretime", "fcall", "fcall_ro", "function",
	"latency|histogram", "lcs", "lmpop", "module|loadex", "pexpiretime", "pubsub|shardchannels", "pubsub|shardnumsub", "sintercard", "sort_ro",
	"spublish", "ssubscribe", "sunsubscribe", "zintercard", "zmpop",
}

// CommandsOf62 are flags of a server of Redis 7.0 that takes only commands that Redis 6.2 has too. Subcommands are taken from
// the default user; the other commands do not exist.
func CommandsOf62() []string {
	var flags []string
	user := []string{"--user", "default", "on", "nopass", "~*", "&*", "+@all"}
	for _, name := range Newer {
		if strings.Contains(name, "|") {
			user = append(user, "-"+name)
		} else {
			flags = append(flags, "--rename-command", name, "")
		}
	}
	return append(flags, user...)
}

// asked are the flags that NUDGE_TEST_REDIS_COMMANDS asks for: with 6.2, all servers are like that.
func asked() []string {
	if os.Getenv("NUDGE_TEST_REDIS_COMMANDS") == "6.2" {
		return CommandsOf62()
	}
	return nil
}
