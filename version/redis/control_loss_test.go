//go:build unix

package redis_test

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"nudge/version/control"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// Redis restarts empty, loses only the key, holds an older state, or garbage, or another type: the gateways restore it.
func TestControlIsWrittenBack(t *testing.T) {
	t.Parallel()
	hour := time.Now().Add(time.Hour)
	for name, lose := range map[string]func(s *redistest.Server, before map[string]string){
		"restarted empty": func(s *redistest.Server, _ map[string]string) { s.Kill(); s.Start() },
		"the key is gone": func(s *redistest.Server, _ map[string]string) { s.Do("DEL", controlKey) },
		"another type":    func(s *redistest.Server, _ map[string]string) { s.Do("SET", controlKey, "off") },
		"an older state": func(s *redistest.Server, before map[string]string) {
			s.Do("DEL", controlKey)
			for field, entry := range before {
				s.Do("HSET", controlKey, field, entry)
			}
		},
		"garbage": func(s *redistest.Server, _ map[string]string) {
			for _, field := range s.Do("HKEYS", controlKey).([]any) {
				s.Do("HSET", controlKey, field, `{"seq":99`+strings.Repeat("9", 20)+`,"time_ms":1,"enabled":true}`)
			}
			s.Do("HSET", controlKey, "revoke:x", strings.Repeat("x", 1<<20), strings.Repeat("y", 1000), "z")
		},
	} {
		for _, last := range []*control.Override{{}, nil} { // off, and cleared
			t.Run(fmt.Sprint(name, " ", last != nil), func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t)
				var log lockedBuffer
				s := redisSource(t, server, func(o *redis.Options) {
					o.Routine, o.Log = 300*time.Millisecond, slog.New(slog.NewTextHandler(&log, nil))
				})
				by := admin(t, server)
				revoke(t, by, control.Revocation{Subject: "ann", Until: hour})
				setFlag(t, by, &control.Override{Enabled: true})
				before := hash(server)
				revoke(t, by, control.Revocation{Subject: "bob", Until: hour})
				s.untilFlag(setFlag(t, by, last))
				want := stored(t, by)
				if len(want.Revocations) != 2 {
					t.Fatalf("%+v", want)
				}
				lose(server, before)
				untilStored(t, by, want)
				select {
				case c := <-s.told:
					t.Errorf("the loss was told: %+v", c)
				default:
				}
				untilLogged(t, &log, "written back")
				// What is set now is newer than all that was lost.
				s.untilFlag(setFlag(t, by, &control.Override{Enabled: true}))
			})
		}
	}
}

func hash(server *redistest.Server) map[string]string {
	fields := map[string]string{}
	all := server.Do("HGETALL", controlKey).([]any)
	for i := 0; i < len(all); i += 2 {
		fields[all[i].(string)] = all[i+1].(string)
	}
	return fields
}

// A change made while Redis was empty and nobody had written back yet is newer than what is written back later.
func TestControlChangeAfterLoss(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s, by := redisSource(t, server, nil), admin(t, server)
	hour := time.Now().Add(time.Hour)
	v := revoke(t, by, control.Revocation{ID: "1", Until: hour})
	off := setFlag(t, by, &control.Override{})
	s.untilFlag(off)
	server.Do("DEL", controlKey)            // nobody is told
	for time.Now().UnixMilli() <= off.Seq { // the second number of a millisecond is ahead of the clock
		runtime.Gosched()
	}
	on := setFlag(t, by, &control.Override{Enabled: true})
	s.untilFlag(on)
	untilStored(t, by, control.Entries{Flag: on, Revocations: []control.RevocationEntry{v}})
}
