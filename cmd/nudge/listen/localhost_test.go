package listen

import (
	"net"
	"testing"
)

// Whichever address of localhost a browser tries, it is answered, and the address that is printed has the name.
func TestLocalhost(t *testing.T) {
	l, err := listenTCP("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	if host != "localhost" || port == "0" {
		t.Errorf("it listens on %s", l.Addr())
	}
	addresses := []string{"127.0.0.1"}
	if l.(*localhost).six != nil {
		addresses = append(addresses, "::1")
	}
	for _, address := range addresses {
		var dialer net.Dialer
		dialer.SetMultipathTCP(true)
		client, err := dialer.Dial("tcp", net.JoinHostPort(address, port))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := c.RemoteAddr().String(); got != client.LocalAddr().String() {
			t.Errorf("%s: the connection of %s", address, got)
		}
		if multipath, _ := c.(*net.TCPConn).MultipathTCP(); multipath {
			t.Error("a connection uses Multipath TCP")
		}
		c.Close()
	}
	if _, err := listenTCP(l.Addr().String()); err == nil {
		t.Error("two listen on one port")
	}
	done := make(chan error)
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	l.Close()
	if err := <-done; err == nil {
		t.Error("Accept of a closed listener")
	}
}
