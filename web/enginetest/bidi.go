//go:build unix

package enginetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

type object = map[string]any

// connection speaks WebDriver BiDi. See https://w3c.github.io/webdriver-bidi/.
type connection struct {
	socket *websocket.Conn
	done   chan struct{} // closed when nothing is read any more

	mu      sync.Mutex
	last    int                 // the number of the newest command
	waiting map[int]chan answer // for answers, by number
	err     error               // why nothing is read any more
}

// answer is what came of a command.
type answer struct {
	ID      int
	Type    string
	Result  json.RawMessage
	Error   string
	Message string
}

// dial connects, and begins a session.
func dial(ctx context.Context, url string) (*connection, error) {
	socket, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	socket.SetReadLimit(64 << 20)
	c := &connection{socket: socket, done: make(chan struct{}), waiting: map[int]chan answer{}}
	go c.read()
	want := object{"alwaysMatch": object{"acceptInsecureCerts": true}}
	if err := c.call(ctx, "session.new", object{"capabilities": want}, nil); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

func (c *connection) read() {
	defer close(c.done)
	for {
		var got answer
		if err := wsjson.Read(context.Background(), c.socket, &got); err != nil {
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
			return
		}
		c.mu.Lock()
		to := c.waiting[got.ID] // nobody, for an event
		delete(c.waiting, got.ID)
		c.mu.Unlock()
		if to != nil {
			to <- got
		}
	}
}

// call sends a command and waits for its result, which into takes unless it is nil.
func (c *connection) call(ctx context.Context, method string, params object, into any) error {
	c.mu.Lock()
	c.last++
	id := c.last
	to := make(chan answer, 1)
	c.waiting[id] = to
	c.mu.Unlock()
	// One that is cut off would end the connection.
	if err := wsjson.Write(context.WithoutCancel(ctx), c.socket, object{"id": id, "method": method, "params": params}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case got := <-to:
		if got.Type == "error" {
			return fmt.Errorf("%s: %s: %s", method, got.Error, got.Message)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(got.Result, into)
	case <-c.done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return fmt.Errorf("%s: %w", method, c.err)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// end leaves the browser to whoever started it.
func (c *connection) end() {
	c.socket.CloseNow()
	<-c.done
}
