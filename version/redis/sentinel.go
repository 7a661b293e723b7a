package redis

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// askSentinels finds the master that the Sentinels name. More than half of the configured Sentinels must answer. The answer with
// the latest failover counts: a majority knows of it, so at least one answer has it. With fewer answers, a network split may
// hide that there is a new master.
func (f *finder) askSentinels(ctx context.Context) (topology, error) {
	claims, err := askAll(ctx, f.opt.Addrs, len(f.opt.Addrs)/2+1, f.askSentinel)
	if err != nil {
		return topology{}, fmt.Errorf("ask most of the Sentinels at %v for the master %q: %w", f.opt.Addrs, f.opt.Master, err)
	}
	return newest(claims), nil
}

func (f *finder) askSentinel(ctx context.Context, addr string) (claim, error) {
	o := f.opt.briefClient(addr)
	o.DB, o.CredentialsProvider = 0, func() (string, string) {
		a := f.opt.access.Load()
		return a.SentinelUsername, a.SentinelPassword
	}
	return brief(ctx, o, func(ctx context.Context, c *redis.Client) (claim, error) {
		var at, about *redis.Cmd
		_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			// The second names the old master for a while after the new one has the new epoch; the first does not.
			at = pipe.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", f.opt.Master)
			about = pipe.Do(ctx, "SENTINEL", "MASTER", f.opt.Master)
			return nil
		})
		if about.Err() != nil { // this error says more if the name is unknown
			err = about.Err()
		}
		if err != nil {
			return claim{}, err
		}
		host, _ := at.StringSlice()
		fields, _ := about.StringSlice()
		i := slices.Index(fields, "config-epoch")
		if len(host) != 2 || i < 0 || i+1 == len(fields) {
			return claim{}, fmt.Errorf("%s does not answer as a Sentinel", addr)
		}
		epoch, err := strconv.ParseInt(fields[i+1], 10, 64)
		return claim{epoch, topology{masters: []master{{addr: net.JoinHostPort(host[0], host[1])}}}}, err
	})
}
