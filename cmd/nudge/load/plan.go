package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"nudge/cmd/nudge/load/sse"
)

// target is a gateway as a reader sees it.
type target struct {
	Addr netip.AddrPort
	Host string // for the header
	Path string // of the stream
}

func parseGateway(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("gateway %q is no URL; write one like %s", text, DefaultGateway)
	case u.Scheme == "https":
		return nil, fmt.Errorf("gateway %q: the readers speak plain HTTP only; name the gateway's own listener, before the proxy or without tls.cert", text)
	}
	return u, nil
}

// findTarget looks up a gateway and connects to it once, so that a wrong address fails once and not for each stream.
func findTarget(ctx context.Context, gateway string) (target, error) {
	u, err := parseGateway(gateway)
	if err != nil {
		return target{}, err
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return target{}, fmt.Errorf("reach the gateway %s: %w; see whether it runs, or name it with --gateway", gateway, err)
	}
	defer c.Close()
	addr, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return target{}, fmt.Errorf("the gateway %s is not reached by TCP", gateway)
	}
	found := addr.AddrPort()
	return target{
		Addr: netip.AddrPortFrom(found.Addr().Unmap(), found.Port()),
		Host: u.Host, Path: strings.TrimSuffix(u.EscapedPath(), "/") + "/events",
	}, nil
}

// workersFor is how many reading processes are needed, when each may open so many files.
func workersFor(streams, wanted, files int) (int, error) {
	each := min(perProcess, files-ownFiles)
	if each < 1 {
		return 0, fmt.Errorf("the limit of %d open files leaves no room for streams; raise it with ulimit -n", files)
	}
	needed := (streams + each - 1) / each
	if needed > mostProcesses {
		return 0, fmt.Errorf("%d streams do not fit: %d processes of %d open files hold %d; raise ulimit -n, or run it on several machines",
			streams, mostProcesses, files, mostProcesses*each)
	}
	if wanted > 0 && wanted < needed {
		return 0, fmt.Errorf("%d workers hold %d streams, since each may open %d files; allow %d, or raise ulimit -n", wanted, wanted*each, files, needed)
	}
	return min(max(wanted, needed, 1), max(streams, 1)), nil
}

// share is the part of worker i of n things: where it begins, and how many it is.
func share(n, workers, i int) (first, count int) {
	first = n * i / workers
	return first, n*(i+1)/workers - first
}

// sourcesFor chooses addresses to connect from. A pair of addresses has as many connections to a port as there are
// ports to connect from, and closed ones linger; so each source gets a quarter of them. ports is their number.
func sourcesFor(streams, ports int, targets []target) ([]string, error) {
	each := max(1, ports/4)
	perTarget := (streams + len(targets) - 1) / len(targets)
	if perTarget <= each {
		return nil, nil
	}
	for _, t := range targets {
		if t.Addr.Addr().Is4() && t.Addr.Addr().IsLoopback() {
			continue
		}
		if perTarget < ports*9/10 {
			return nil, nil
		}
		return nil, fmt.Errorf("%d streams to %v, but an address has %d ports to connect from; name several addresses of this machine "+
			"with --source, or run it on several machines", perTarget, t.Addr, ports)
	}
	var sources []string
	for i := range (perTarget + each - 1) / each {
		if i > 250 {
			return nil, errors.New("so many streams need more loopback addresses than there are here; name more gateways")
		}
		sources = append(sources, "127.0.0."+strconv.Itoa(i+2))
	}
	return sources, nil
}

// layout says who watches what: stream s, counted over all workers, watches perStream projects from s on.
type layout struct {
	Prefix    string
	Projects  int
	PerStream int
}

// project is the j-th project of stream s.
func (l layout) project(s, j int) int { return (s + j) % l.Projects }

// slot is the reverse of project: which of its projects p is to stream s; -1 if it is none.
func (l layout) slot(s, p int) int {
	j := (p - s%l.Projects + l.Projects) % l.Projects
	if j >= l.PerStream {
		return -1
	}
	return j
}

func (l layout) name(p int) string { return l.Prefix + strconv.Itoa(p) }

// index is the reverse of name; -1 if it is no project of ours.
func (l layout) index(name []byte) int {
	if len(name) <= len(l.Prefix) || string(name[:len(l.Prefix)]) != l.Prefix {
		return -1
	}
	digits := name[len(l.Prefix):]
	if digits[0] == '0' && len(digits) > 1 {
		return -1
	}
	p, ok := sse.ParseDecimal(digits)
	if !ok || p >= int64(l.Projects) {
		return -1
	}
	return int(p)
}
