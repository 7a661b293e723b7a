//go:build unix

package redis_test

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nudge/internal/secrettest"
	"nudge/version"
	"nudge/version/control"
	"nudge/version/redis"
	"nudge/version/redistest"
)

const controlKey = "nudge:control"

// admin is a Redis that nobody runs: the command line's.
func admin(t testing.TB, server *redistest.Server) *redis.Source {
	t.Helper()
	r, err := redis.New(version.NewBoard(), redis.Options{Addrs: []string{server.Socket}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func setFlag(t testing.TB, r *redis.Source, o *control.Override) control.FlagEntry {
	t.Helper()
	e, err := r.SetFlag(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func revoke(t testing.TB, r *redis.Source, v control.Revocation) control.RevocationEntry {
	t.Helper()
	e, err := r.Revoke(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func stored(t testing.TB, r *redis.Source) control.Entries {
	t.Helper()
	c, err := r.Control(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// untilTold takes what the host is told until it is as wanted.
func (s *source) untilTold(want func(control.Entries) bool) control.Entries {
	s.t.Helper()
	limit := time.After(patience)
	var last control.Entries
	for {
		select {
		case last = <-s.told:
			if want(last) {
				return last
			}
		case <-limit:
			s.t.Fatalf("still told %+v", last)
		}
	}
}

func (s *source) untilFlag(want control.FlagEntry) {
	s.t.Helper()
	s.untilTold(func(c control.Entries) bool { return reflect.DeepEqual(c.Flag, want) })
}

// untilStored asks again and again, since what a gateway writes back has no event here.
func untilStored(t testing.TB, r *redis.Source, want control.Entries) {
	t.Helper()
	limit := time.After(patience)
	for {
		got := stored(t, r)
		if reflect.DeepEqual(got, want) {
			return
		}
		select {
		case <-limit:
			t.Fatalf("Redis holds %+v, want %+v", got, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// untilLogged looks again and again, since a line in the log has no event.
func untilLogged(t testing.TB, log *lockedBuffer, text string) {
	t.Helper()
	limit := time.After(patience)
	for !strings.Contains(log.String(), text) {
		select {
		case <-limit:
			t.Fatalf("%q is not logged:\n%s", text, log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestControlReachesGateways(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	compareMessages(t, server)
	one, other, by := redisSource(t, server, nil), redisSource(t, server, nil), admin(t, server)
	percent, ramp := 10, control.Millis(1500*time.Millisecond)
	hour := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
	last := control.Stamp{}
	for _, o := range []*control.Override{{}, {Enabled: true, Percent: &percent, Ramp: &ramp}, nil, {Enabled: true}} {
		e := setFlag(t, by, o)
		if !reflect.DeepEqual(e.Override, o) || e.Seq <= last.Seq || time.Since(e.Time).Abs() > time.Minute {
			t.Errorf("%+v is stored as %+v, after %+v", o, e, last)
		}
		last = e.Stamp
		one.untilFlag(e)
		other.untilFlag(e)
	}
	v := control.Revocation{Subject: "ann", Project: project(t, "42"), Before: hour, Until: hour}
	e := revoke(t, by, v)
	if e.Revocation != v {
		t.Errorf("%+v is stored as %+v", v, e)
	}
	told := one.untilTold(func(c control.Entries) bool { return len(c.Revocations) > 0 })
	if !reflect.DeepEqual(told, stored(t, by)) || told.Flag.Seq != last.Seq || told.Revocations[0] != e {
		t.Errorf("told %+v", told)
	}
	if again := revoke(t, by, v); again.Seq <= e.Seq || len(stored(t, by).Revocations) != 1 {
		t.Errorf("the same twice: %+v and %+v", e, again)
	}
}

// Of many that replace the same override at once one wins, and nobody replaces what has changed meanwhile.
func TestReplaceFlag(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	compareMessages(t, server)
	by := admin(t, server)
	percent := 5
	first := control.Override{
		Enabled: true, Percent: &percent, Rollout: &control.Rollout{Goal: 100, Step: control.Millis(time.Hour), Guards: control.Guards()},
	}
	e := setFlag(t, by, &first)
	if !reflect.DeepEqual(*e.Override, first) {
		t.Errorf("%+v is stored as %+v", first, e.Override)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			next := first
			percent := 10 + i
			next.Percent = &percent
			replaced, err := by.ReplaceFlag(t.Context(), e.Seq, next)
			if err != nil {
				t.Error(err)
			}
			if replaced {
				won.Store(int32(percent))
			}
		})
	}
	all.Wait()
	now := stored(t, by).Flag
	if now.Seq <= e.Seq || *now.Override.Percent != int(won.Load()) {
		t.Errorf("%d %% won, and %d %% is stored", won.Load(), *now.Override.Percent)
	}
	for _, seq := range []int64{e.Seq, now.Seq + 1} {
		if replaced, err := by.ReplaceFlag(t.Context(), seq, first); replaced || err != nil {
			t.Errorf("entry %d is replaced, %v", seq, err)
		}
	}
	server.Do("DEL", "nudge:control")
	if replaced, err := by.ReplaceFlag(t.Context(), now.Seq, first); replaced || err != nil {
		t.Errorf("what is gone is replaced, %v", err)
	}
	percent = 0
	if _, err := by.ReplaceFlag(t.Context(), now.Seq, first); err == nil {
		t.Error("a rollout for nobody is taken")
	}
}

func TestControlRefuses(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	by := admin(t, server)
	percent, ramp := 101, control.Millis(25*time.Hour)
	for _, o := range []*control.Override{{Percent: &percent}, {Ramp: &ramp}} {
		if _, err := by.SetFlag(t.Context(), o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if _, err := by.Revoke(t.Context(), control.Revocation{}); err == nil {
		t.Error("a revocation of nothing is taken")
	}
	server.Kill()
	_, err := by.Control(t.Context())
	_, err2 := by.SetFlag(t.Context(), nil)
	_, err3 := by.Revoke(t.Context(), control.Revocation{ID: "1", Until: time.Now().Add(time.Hour)})
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, version.ErrUnavailable) {
			t.Errorf("without Redis: %v", err)
		}
	}
}

// Many admins at once: no revocation is lost, no number is given twice, and the last flag is the one that is stored.
func TestControlTwoAdminsAtOnce(t *testing.T) {
	t.Parallel()
	const admins, each = 8, 40
	server := redistest.Start(t)
	s := redisSource(t, server, nil)
	hour := time.Now().Add(time.Hour)
	var mu sync.Mutex
	seqs, newest := map[int64]bool{}, control.FlagEntry{}
	var group sync.WaitGroup
	for a := range admins {
		by := admin(t, server)
		group.Go(func() {
			for i := range each {
				v, err := by.Revoke(t.Context(), control.Revocation{ID: fmt.Sprint(a, "-", i), Until: hour})
				f, err2 := by.SetFlag(t.Context(), &control.Override{Enabled: i%2 == 0, Percent: &a})
				if err != nil || err2 != nil {
					t.Error(err, err2)
					return
				}
				mu.Lock()
				seqs[v.Seq], seqs[f.Seq] = true, true
				if f.Seq > newest.Seq {
					newest = f
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(seqs) != 2*admins*each {
		t.Errorf("%d sequence numbers for %d changes", len(seqs), 2*admins*each)
	}
	got := s.untilTold(func(c control.Entries) bool { return c.Flag.Seq == newest.Seq && len(c.Revocations) == admins*each })
	if held := stored(t, admin(t, server)); !reflect.DeepEqual(got, held) || !reflect.DeepEqual(held.Flag, newest) {
		t.Errorf("Redis holds %+v, the gateway %+v, set last was %+v", held.Flag, got.Flag, newest)
	}
}

// What comes on the channel is only a hint, and a flood of it costs little.
func TestControlGarbageOnTheChannel(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s, by := redisSource(t, server, nil), admin(t, server)
	off := setFlag(t, by, &control.Override{})
	s.untilFlag(off)
	server.Do("CONFIG", "RESETSTAT")
	begun := time.Now()
	for range 200 {
		for _, garbage := range []string{"", "on", `{"seq":9007199254740991,"time_ms":1,"enabled":true}`, strings.Repeat("x", 1<<16)} {
			server.Do("PUBLISH", controlKey, garbage)
		}
	}
	on := setFlag(t, by, &control.Override{Enabled: true})
	if got := s.untilTold(func(control.Entries) bool { return true }); !reflect.DeepEqual(got.Flag, on) {
		t.Errorf("told %+v, want only %+v", got.Flag, on)
	}
	reads := 0
	for line := range strings.Lines(server.Do("INFO", "commandstats").(string)) {
		fmt.Sscanf(line, "cmdstat_hgetall:calls=%d,", &reads)
	}
	if most := 3 + int(time.Since(begun)/(200*time.Millisecond)); reads == 0 || reads > most { // one of them is the admin's
		t.Errorf("%d reads for 800 messages in %v, want 1 to %d", reads, time.Since(begun), most)
	}
	if n := s.Stats(); n.Messages != 0 || n.Malformed != 0 {
		t.Errorf("counted as news: %+v", n)
	}
}

// Garbage that begins as an entry does keeps what was set in force, and the next change overwrites it.
func TestControlGarbageWithANumber(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var log lockedBuffer
	s := redisSource(t, server, func(o *redis.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	by := admin(t, server)
	off := setFlag(t, by, &control.Override{})
	s.untilFlag(off)
	server.Do("HSET", controlKey, "flag", fmt.Sprintf(`{"seq":%d,"time_ms":%d,"enabled":true,"percent":900}`, off.Seq+1_000_000, off.Time.UnixMilli()))
	server.Do("PUBLISH", controlKey, "")
	v := revoke(t, by, control.Revocation{ID: "1", Until: time.Now().Add(time.Hour)})
	if v.Seq != off.Seq+1_000_001 {
		t.Errorf("number %d after %d", v.Seq, off.Seq+1_000_000)
	}
	got := s.untilTold(func(c control.Entries) bool { return len(c.Revocations) == 1 })
	if !reflect.DeepEqual(got.Flag, off) {
		t.Errorf("told %+v", got.Flag)
	}
	revoke(t, by, control.Revocation{ID: "2", Until: time.Now().Add(time.Hour)})
	s.untilTold(func(c control.Entries) bool { return len(c.Revocations) == 2 })
	if n := strings.Count(log.String(), "percent: 900 is not from 0 to 100"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
	s.untilFlag(setFlag(t, by, nil))
}

// Revocations are bounded, and what is over makes room.
func TestControlRevocationsAreBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	by := admin(t, server)
	server.Do("EVAL", `for i = 1, 9999 do redis.call('HSET', KEYS[1], 'revoke:' .. i, '{"seq":' .. i .. ',"time_ms":1,"until_ms":9999999999999,"jti":"x"}') end
		redis.call('HSET', KEYS[1], 'revoke:old', '{"seq":1,"time_ms":1,"until_ms":1,"jti":"x"}', 'flag', 'garbage', 'revoke:y', 'garbage')`, 1, controlKey)
	hour := time.Now().Add(time.Hour)
	setFlag(t, by, nil) // drops what is over, and the garbage
	if n := server.Do("HLEN", controlKey); n != int64(10_000) {
		t.Fatalf("%v fields", n)
	}
	if _, err := by.Revoke(t.Context(), control.Revocation{ID: "1", Until: hour}); !errors.Is(err, control.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	server.Do("HDEL", controlKey, "revoke:1")
	revoke(t, by, control.Revocation{ID: "1", Until: hour})
	revoke(t, by, control.Revocation{ID: "1", Until: hour}) // it is there
}

// Without the right to read it, news flows, and one line in the log says what to do.
func TestControlForbidden(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rights := []any{"ACL", "SETUSER", "nudge", "on", ">" + secrettest.Marker, "~nudge:*", "&nudge:*", "&nudge:probe:*"}
	for right := range strings.FieldsSeq("subscribe psubscribe unsubscribe publish eval evalsha script|load get set getrange type strlen info client|setname select " +
		"hget hset hdel hlen del time") { // as in docs/redis.md, but for one
		rights = append(rights, "+"+right)
	}
	server.Do(rights...)
	off := setFlag(t, admin(t, server), &control.Override{})
	var log lockedBuffer
	s := redisSource(t, server, func(o *redis.Options) {
		o.Username, o.Password, o.Routine = "nudge", secrettest.Marker, 10*time.Millisecond
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	untilLogged(t, &log, "give the user the rights")
	for range 8 { // as many probes as make some more reads
		wait(t, "an echo", s.echoes)
	}
	if n := strings.Count(log.String(), "give the user the rights"); n != 1 || s.Stats().Gaps > 0 {
		t.Errorf("%d gaps, logged %d times:\n%s", s.Stats().Gaps, n, log.String())
	}
	server.Do("ACL", "SETUSER", "nudge", "+hgetall")
	s.untilFlag(off)
	server.Do("SET", controlKey, "x")
	untilLogged(t, &log, "written back")
}

// A source whose host does not want to know writes nothing back.
func TestControlUnwanted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("CONFIG", "RESETSTAT")
	s := redisSource(t, server, func(o *redis.Options) { o.Control = nil })
	wait(t, "an echo", s.echoes)
	server.Do("PUBLISH", controlKey, "")
	wait(t, "an echo", s.echoes)
	wait(t, "an echo", s.echoes)
	if strings.Contains(server.Do("INFO", "commandstats").(string), "cmdstat_evalsha:") {
		t.Error("it was read")
	}
}

// A revocation that is taken back ends at all gateways, and no gateway that remembers it writes it back.
func TestControlTakesBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	compareMessages(t, server, "look")
	one, by := redisSource(t, server, nil), admin(t, server)
	e := revoke(t, by, control.Revocation{Subject: "ann", Until: hourFromNow()})
	one.untilTold(func(c control.Entries) bool { return len(c.Revocations) == 1 })
	if _, err := by.TakeBack(t.Context(), "ann"); !errors.Is(err, redis.ErrNoRevocation) {
		t.Errorf("no name of a revocation: %v", err)
	}
	back, err := by.TakeBack(t.Context(), e.Name())
	if err != nil || !back.Cleared || back.Revocation != e.Revocation || back.Seq <= e.Seq {
		t.Fatalf("%v, %+v", err, back)
	}
	one.untilTold(func(c control.Entries) bool { return len(c.Revocations) == 1 && c.Revocations[0].Cleared })
	if _, err := by.TakeBack(t.Context(), e.Name()); !errors.Is(err, redis.ErrNoRevocation) {
		t.Errorf("twice: %v", err)
	}
	server.Do("FLUSHALL")
	server.Do("PUBLISH", controlKey, "look")
	untilStored(t, by, control.Entries{Revocations: []control.RevocationEntry{back}})
	again := revoke(t, by, e.Revocation)
	one.untilTold(func(c control.Entries) bool { return len(c.Revocations) == 1 && c.Revocations[0] == again })
}

func hourFromNow() time.Time { return time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC() }
