package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nudge/internal/exectest"
)

// namespaceFaults are played in a network of their own, whose packets may be dropped.
var namespaceFaults = []scenario{
	{name: "packets dropped both ways", expect: expect{push: down}, apart: inNamespace, play: func(s *stage) {
		loopbackUp(s)
		server := s.direct()
		_, port, _ := net.SplitHostPort(server.Addr)
		s.fault(func() {
			nft(s, fmt.Sprintf(`table inet nudge {
				chain in { type filter hook input priority 0; tcp dport %[1]s drop; tcp sport %[1]s drop; }
			}`, port))
		})
		s.pass(s.untilTold())
		s.repair(func() { nft(s, "delete table inet nudge") })
	}},
}

// inNamespace plays a scenario in a new process with a network namespace, and returns what came of it.
func inNamespace(t *testing.T, sc scenario) (l line) {
	t.Helper()
	missing := ""
	if os.Getuid() != 0 {
		missing = "only root may make a network namespace"
	} else if _, err := exec.LookPath("nft"); err != nil {
		missing = "nft is not installed: apt-get install nftables"
	}
	switch {
	case missing != "" && os.Getenv("NUDGE_TEST_REQUIRE") != "":
		t.Fatal(missing)
	case missing != "":
		return line{Skipped: missing}
	}
	summary := filepath.Join(t.TempDir(), "summary.json")
	name := strings.ReplaceAll(sc.name, " ", "_")
	cmd := exectest.Command(os.Args[0], "-test.run", "^TestFaults$/^scenarios$/^"+name+"$")
	cmd.Env = append(os.Environ(), apart+"=1", "NUDGE_FAULTS_JSON="+summary)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	var lines []line
	if err := json.Unmarshal(text, &lines); err != nil || len(lines) != 1 {
		t.Fatalf("the summary is %s (%v)", bytes.TrimSpace(text), err)
	}
	return lines[0]
}

// loopbackUp starts the one network device that a new namespace has.
func loopbackUp(t testing.TB) {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}

func nft(t testing.TB, rules string) {
	t.Helper()
	cmd := exectest.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
}
