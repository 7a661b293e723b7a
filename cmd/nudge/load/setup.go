//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nudge/cmd/nudge/terminal"
)

// newRun plans a run and starts its readers. It opens nothing yet.
func newRun(ctx context.Context, o Options) (*run, error) {
	r := &run{o: o, layout: layout{o.Prefix, o.Projects, o.PerStream}, deliveries: newDeliveries()}
	var targets []target
	for _, g := range o.Gateways {
		t, err := findTarget(ctx, g)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return nil, fmt.Errorf("read the limit of open files: %w", err)
	}
	workers, err := workersFor(o.Streams, o.Workers, int(min(files.Cur, 1<<30)))
	if err != nil {
		return nil, err
	}
	sources := o.Sources
	if len(sources) == 0 {
		if sources, err = sourcesFor(o.Streams, portsPerAddress(), targets); err != nil {
			return nil, err
		}
	}
	base, err := newClockBase()
	if err != nil {
		return nil, err
	}
	if r.clock, err = base.clock(); err != nil {
		return nil, err
	}
	r.began = r.clock.now()
	r.gateways = findGatewayProcesses(o.PIDs, targets)
	r.first, r.firstCPU = r.gateways.memory(), r.gateways.cpu()
	r.result = &Result{Started: time.UnixMicro(r.began).UTC(), Problems: []string{}, Plan: Plan{
		Gateways: o.Gateways, Streams: o.Streams, Projects: o.Projects, PerStream: o.PerStream, Prefix: o.Prefix,
		Rate: o.Rate, Window: o.Window, DurationS: o.Duration.Seconds(), SettleS: o.Settle.Seconds(), Inflight: o.Inflight,
		Workers: workers, Sources: len(sources),
	}}
	all := make([]task, workers)
	for i := range all {
		first, n := share(o.Streams, workers, i)
		all[i] = task{
			Clock: base, First: first, Streams: n, Layout: r.layout, Targets: targets, Tokens: tokensOf(o.Tokens, first, n),
			Sources: sources, TimeoutUS: o.Timeout.Microseconds(), Reopen: o.Reopen,
		}
	}
	r.publisher = newPublisher(r.layout, r.clock.now, o.Publish, r.deliveries)
	r.progress = newProgress(o.Progress, terminal.Is(o.Progress))
	r.workers, err = startWorkers(o.Command, all, r.deliveries.arrive)
	return r, err
}

// tokensOf are the tokens of n streams from first on.
func tokensOf(tokens []string, first, n int) []string {
	if len(tokens) < 2 {
		return tokens
	}
	own := make([]string, n)
	for i := range own {
		own[i] = tokens[(first+i)%len(tokens)]
	}
	return own
}

// findTarget resolves a gateway's address and connects once. So a wrong address is one error, and not one for each stream.
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
		return target{}, fmt.Errorf("reach the gateway %s: %w; check that it runs, or name it with --gateway", gateway, err)
	}
	defer c.Close()
	addr, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return target{}, fmt.Errorf("the gateway %s is not reached by TCP; name its host and port with --gateway", gateway)
	}
	found := addr.AddrPort()
	return target{
		Addr: netip.AddrPortFrom(found.Addr().Unmap(), found.Port()),
		Host: u.Host, Path: strings.TrimSuffix(u.EscapedPath(), "/") + "/events",
	}, nil
}

// workersFor returns how many reading processes are needed if each may have files open files.
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

// sourcesFor chooses addresses to connect from. ports is the number of ports of an address. It limits the connections from
// one address to one port of another, and closed connections keep their port for a while. So each source gets a quarter.
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
			return nil, errors.New("these streams need more loopback addresses than nudge load uses; name more gateways, or open fewer streams")
		}
		sources = append(sources, "127.0.0."+strconv.Itoa(i+2))
	}
	return sources, nil
}
