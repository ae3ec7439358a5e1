package node

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// What is written past the runtime arrives whole, also if the client takes it
// slowly and several write; reads end with deadlines and with the connection.
func TestDirect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bounded{Listener: l, timeout: time.Minute, closed: make(chan struct{})}
	defer b.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := b.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.(*held).direct.raw == nil {
		t.Fatal("the socket is not read directly")
	}

	const size, writers = 4 << 20, 3
	var writing sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			if n, err := c.Write(bytes.Repeat([]byte{byte(i)}, size)); n != size || err != nil {
				t.Errorf("%d bytes written: %v", n, err)
			}
		})
	}
	got := make([]byte, writers*size)
	if _, err := io.ReadFull(client, got); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	for i := range writers {
		if n := bytes.Count(got, []byte{byte(i)}); n != size {
			t.Errorf("%d bytes of writer %d", n, i)
		}
	}

	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := c.Read(got); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("behind a deadline: %v", err)
	}
	c.SetReadDeadline(time.Time{})
	go client.Write([]byte("hello"))
	if n, err := c.Read(got); err != nil || string(got[:n]) != "hello" {
		t.Errorf("%q: %v", got[:n], err)
	}
	client.Close()
	if _, err := c.Read(got); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	c.Close()
	if _, err := c.Read(got); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
