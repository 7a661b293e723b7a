//go:build linux

package load

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// gatewayProcesses are the gateways' processes on this machine.
type gatewayProcesses struct {
	pids []int
	why  string // why some are missing, or cannot be measured
}

// memory is the memory of processes.
type memory struct {
	pss     int64 // bytes
	sockets int64 // bytes of TCP buffers on the whole machine; below 0: not known
}

// findGatewayProcesses finds the processes that listen at the targets, unless they are given.
func findGatewayProcesses(pids []int, targets []target) gatewayProcesses {
	if len(pids) > 0 {
		return gatewayProcesses{pids: pids}
	}
	s := gatewayProcesses{}
	for _, t := range targets {
		if !local(t.Addr.Addr()) {
			s.why = fmt.Sprintf("%v is not on this machine", t.Addr)
			continue
		}
		inodes := listening(t.Addr)
		found := holders(inodes)
		if len(found) == 0 {
			s.why = fmt.Sprintf("cannot see the process that listens at %v; run as its user or as root, or name it with --pid", t.Addr)
		}
		for _, pid := range found {
			if !slices.Contains(s.pids, pid) {
				s.pids = append(s.pids, pid)
			}
		}
	}
	if s.why != "" {
		s.pids = nil // a sum over some of the gateways would be wrong
	}
	return s
}

func local(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(n net.Addr) bool {
		p, err := netip.ParsePrefix(n.String())
		return err == nil && p.Addr().Unmap() == a
	})
}

// listening are the inodes of the sockets that listen at a port: proc_net_tcp(5), whose addresses are hexadecimal
// words in the machine's byte order. Whose address it is does not matter: two processes at one port of two
// addresses are rare, and --pid tells them apart.
func listening(at netip.AddrPort) map[string]bool {
	const listen, inode = "0A", 9
	port := fmt.Sprintf(":%04X", at.Port())
	found := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table) // without IPv6 there is no such table
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > inode && f[3] == listen && strings.HasSuffix(f[1], port) {
				found["socket:["+f[inode]+"]"] = true
			}
		}
	}
	return found
}

// holders returns the processes that have one of the sockets open. Processes of other users cannot be read.
func holders(sockets map[string]bool) (pids []int) {
	processes, _ := filepath.Glob("/proc/[0-9]*/fd")
	for _, dir := range processes {
		files, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, file := range files {
			if to, err := os.Readlink(filepath.Join(dir, file.Name())); err == nil && sockets[to] {
				if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil {
					pids = append(pids, pid)
				}
				break
			}
		}
	}
	return pids
}

// cpu is the time they have used so far, in µs.
func (s *gatewayProcesses) cpu() int64 {
	return s.sum(readCPU)
}

// memory returns the memory of the processes. To read it stops them for a moment, so do not call it during a measurement.
func (s *gatewayProcesses) memory() memory {
	return memory{s.sum(readPss), readSockets()}
}

// sum adds up what read returns for each process. If read fails, sum returns 0, now and later.
func (s *gatewayProcesses) sum(read func(pid int) (int64, error)) (total int64) {
	for _, pid := range s.pids {
		n, err := read(pid)
		if err != nil {
			s.pids, s.why = nil, fmt.Sprintf("%v; check that the process still runs, or run as its user or as root", err)
			return 0
		}
		total += n
	}
	return total
}

// readPss returns the memory of a process. Shared memory is divided among the processes that share it. Mapped files are left
// out if the kernel lists them apart (Linux 5.9 or later). Otherwise the gateway's share of its program would shrink as
// readers start, since they run the same program.
func readPss(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	for _, name := range []string{"Pss_Anon:", "Pss:"} {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == name {
				kB, err := strconv.ParseInt(f[1], 10, 64)
				return kB << 10, err
			}
		}
	}
	return 0, fmt.Errorf("memory of process %d: no Pss in smaps_rollup", pid)
}

// readCPU returns the CPU time of a process in µs, in user space and in the kernel. The kernel counts in 1/100 s.
func readCPU(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU of process %d: %w", pid, err)
	}
	// The name in brackets may hold any character, so begin after the last bracket.
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const user, system = 11, 12
	if len(f) <= system {
		return 0, fmt.Errorf("CPU of process %d: stat is cut short", pid)
	}
	u, err := strconv.ParseInt(f[user], 10, 64)
	if err != nil {
		return 0, err
	}
	k, err := strconv.ParseInt(f[system], 10, 64)
	return (u + k) * 10_000, err
}

// readSockets returns the memory of all TCP buffers of the machine, or -1 if it cannot be read.
func readSockets() int64 {
	text, _ := os.ReadFile("/proc/net/sockstat")
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "TCP:") {
			continue
		}
		_, after, _ := strings.Cut(line, " mem ")
		pages, err := strconv.ParseInt(strings.TrimSpace(after), 10, 64)
		if err != nil {
			return -1
		}
		return pages * int64(os.Getpagesize())
	}
	return -1
}

// fileLimit returns how many files all processes together may open; 0 if it cannot be read.
func (s *gatewayProcesses) fileLimit() (files int64) {
	for _, pid := range s.pids {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
				n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				files += n
			}
		}
	}
	return files
}

// portsPerAddress returns how many ports of an address can be used to connect from.
func portsPerAddress() int {
	var low, high int
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if _, err := fmt.Sscan(string(text), &low, &high); err != nil || high <= low {
		return 28_232 // the kernel's default
	}
	return high - low + 1
}
