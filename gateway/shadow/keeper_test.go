package shadow

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// table is where a fleet stores its texts.
type table struct {
	sync.Mutex
	texts map[string]string
	asked int
	err   error
}

func (f *table) of(instance string) Exchange {
	return func(_ context.Context, text string, _ time.Duration) (others []string, err error) {
		f.Lock()
		defer f.Unlock()
		f.asked++
		if f.err != nil {
			return nil, f.err
		}
		if text != "" {
			f.texts[instance] = text
		}
		for other, text := range f.texts {
			if other != instance {
				others = append(others, text)
			}
		}
		return others, nil
	}
}

func TestKeepersAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := &table{texts: map[string]string{"garbage": "{", "long": `{"polls":1}` + strings.Repeat(" ", longest), "none": `{"polls":-5}`, "no project": `{"polls":5,"projects":{"4 2":{}}}`}}
		a, b, idle := NewKeeper(fleet.of("a")), NewKeeper(fleet.of("b")), NewKeeper(fleet.of("idle"))
		ctx, cancel := context.WithCancel(t.Context())
		for _, k := range []*Keeper{a, b, idle} {
			go k.Run(ctx)
		}
		a.Add(report(t, `{"first":true,"polls":10,"empty":10,"projects":{"42":0}}`), time.Now())
		b.Add(report(t, `{"first":true,"polls":20,"empty":20,"projects":{"42":0}}`), time.Now())
		if s := a.Summary(time.Now()); s.Polls != 10 || s.Gateways != 1 {
			t.Errorf("before the first exchange: %+v", s)
		}
		time.Sleep(2 * Routine * 3 / 2)
		synctest.Wait()
		for name, k := range map[string]*Keeper{"a": a, "b": b, "idle": idle} {
			if s := k.Summary(time.Now()); s.Polls != 30 || s.Pages != 2 || s.Gateways != 2 || len(s.Projects) != 1 || s.Problem != "" {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if n := len(fleet.texts); n != 6 {
			t.Errorf("%d texts: a gateway without reports stores nothing", n)
		}

		fleet.Lock()
		fleet.err = errors.New("connection refused")
		fleet.Unlock()
		a.Add(report(t, `{"polls":5,"projects":{"42":0}}`), time.Now())
		time.Sleep(2 * Routine)
		synctest.Wait()
		if s := a.Summary(time.Now()); s.Polls != 35 || !strings.Contains(s.Problem, "connection refused") {
			t.Errorf("without Redis: %+v", s)
		}
		if s := b.Summary(time.Now()); s.Polls != 30 {
			t.Errorf("without Redis: %+v", s)
		}
		fleet.Lock()
		fleet.err = nil
		fleet.Unlock()
		cancel() // what a has yet to say is said when it ends
		synctest.Wait()
		if text := fleet.texts["a"]; !strings.Contains(text, `"polls":15`) {
			t.Errorf("a has stored %s", text)
		}
	})
}

// Nobody is asked more than about once a minute, and nothing is stored again that has not changed.
func TestKeeperIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := &table{texts: map[string]string{}}
		k := NewKeeper(fleet.of("a"))
		ctx, cancel := context.WithCancel(t.Context())
		go k.Run(ctx)
		k.Add(report(t, `{"polls":1,"projects":{"42":0}}`), time.Now())
		time.Sleep(2 * Routine)
		synctest.Wait()
		fleet.Lock()
		delete(fleet.texts, "a")
		fleet.Unlock()
		time.Sleep(18 * Routine)
		synctest.Wait()
		if fleet.asked < 12 || fleet.asked > 40 {
			t.Errorf("asked %d times in 20 minutes", fleet.asked)
		}
		if len(fleet.texts) != 0 {
			t.Error("it stored again what had not changed")
		}
		cancel()
		synctest.Wait()
	})
}
