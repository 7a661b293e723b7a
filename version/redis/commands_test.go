//go:build unix

package redis_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"nudge/version/redistest"
)

// newerThan62 reports whether something came after all of Redis 6.2.
func newerThan62(since string) bool {
	var major, minor int
	fmt.Sscanf(since, "%d.%d", &major, &minor)
	return major > 6 || major == 6 && minor > 2
}

// newerCommands returns what COMMAND DOCS says is newer than 6.2.
func newerCommands(docs any) (names []string) {
	for name, about := range docs.(map[any]any) {
		fields := about.(map[any]any)
		if newerThan62(fields["since"].(string)) {
			names = append(names, name.(string))
		} else if sub, ok := fields["subcommands"]; ok {
			names = append(names, newerCommands(sub)...)
		}
	}
	slices.Sort(names)
	return names
}

// The list of what 6.2 lacks is that of the server itself. A server with such commands taken away has all others.
func TestNewerCommands(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := goredis.NewClient(&goredis.Options{Addr: server.Socket, DisableIdentity: true}) // its maps need RESP3
	defer client.Close()
	docs, err := client.Do(context.Background(), "COMMAND", "DOCS").Result()
	if err != nil {
		t.Skipf("this server does not tell how old its commands are: %v", err)
	}
	if !strings.HasPrefix(server.Info("redis_version"), "7.0.") {
		t.Skip("the list is of Redis 7.0")
	}
	if got := newerCommands(docs); !slices.Equal(got, redistest.Newer) {
		t.Errorf("newer than 6.2 are %v, the list has %v", got, redistest.Newer)
	}
}

// A gateway and a publisher need no command of Redis that is newer than 6.2, and no option of one. One that is refused would
// often be hidden: libraries try what is new and go on without it. So the server must have refused nothing.
func TestOldCommandsAreEnough(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.CommandsOf62()...)
	for _, newer := range [][]any{{"LCS", "a", "b"}, {"CLIENT", "NO-EVICT", "off"}} {
		if _, err := server.Try(newer...); err == nil {
			t.Fatalf("the server takes %v", newer)
		}
	}
	server.Do("CONFIG", "RESETSTAT")
	said := monitor(t, server)
	if complaint := tryRights(t, server, gatewayRule(t)); complaint != "" {
		t.Fatal(complaint)
	}
	refused, _ := server.Do("INFO", "errorstats").(string)
	for _, error := range []string{"errorstat_ERR", "errorstat_NOPERM"} {
		if strings.Contains(refused, error) {
			t.Errorf("the server refused something:\n%s", refused)
		}
	}
	seen := map[string]bool{}
	for _, command := range said() {
		seen[strings.ToLower(command[0])] = true
		if option := newerOption(command); option != "" {
			t.Errorf("%q: %s", command, option)
		}
	}
	for _, name := range []string{"subscribe", "evalsha", "set", "info", "hset", "publish"} {
		if !seen[name] {
			t.Errorf("the server got no %s: %v", name, seen)
		}
	}
}

// newerOption says which option of a command 6.2 does not know; "": none. It knows those of commands that gateways and
// publishers might send.
func newerOption(command []string) string {
	name, args := strings.ToLower(command[0]), command[1:]
	switch name {
	case "info":
		if len(args) > 1 {
			return "several sections are of 7.0"
		}
	case "expire", "pexpire", "expireat", "pexpireat":
		if len(args) > 2 {
			return "conditions are of 7.0"
		}
	case "set":
		has := func(word string) bool {
			return slices.ContainsFunc(args[min(2, len(args)):], func(arg string) bool { return strings.EqualFold(arg, word) })
		}
		if has("NX") && has("GET") {
			return "NX with GET is of 7.0"
		}
	}
	return ""
}

func TestNewerOption(t *testing.T) {
	t.Parallel()
	for line, newer := range map[string]bool{
		"INFO replication": false, "info server replication": true, "EXPIRE k 5": false, "EXPIRE k 5 NX": true, "SET k NX": false,
		"SET k v NX": false, "SET k v GET": false, "SET k v nx get": true, "SET": false,
	} {
		if got := newerOption(strings.Fields(line)); (got != "") != newer {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// monitor returns a function that ends a MONITOR of a server and returns the commands that it saw, those of scripts too.
func monitor(t *testing.T, server *redistest.Server) func() [][]string {
	t.Helper()
	conn, err := net.Dial("unix", server.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "MONITOR\r\n")
	lines := bufio.NewScanner(conn)
	if !lines.Scan() || lines.Text() != "+OK" {
		t.Fatalf("MONITOR: %q %v", lines.Text(), lines.Err())
	}
	const end = "end of the monitor"
	word := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	return func() (commands [][]string) {
		server.Do("ECHO", end)
		for lines.Scan() && !strings.Contains(lines.Text(), end) {
			_, rest, _ := strings.Cut(lines.Text(), "] ")
			var command []string
			for _, quoted := range word.FindAllString(rest, -1) {
				text, err := strconv.Unquote(quoted)
				if err != nil {
					text = quoted
				}
				command = append(command, text)
			}
			if len(command) > 0 {
				commands = append(commands, command)
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		return commands
	}
}
