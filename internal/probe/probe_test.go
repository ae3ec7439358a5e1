package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// answers is a container that answers everything with 200.
func answers(c *ajptest.Call) { c.Answer(200, "") }

// container starts a scripted one.
func container(t *testing.T, cfg ajptest.Config) Container {
	t.Helper()
	s := ajptest.Start(cfg)
	t.Cleanup(s.Close)
	return Container{Address: s.Addr(), Pong: 100 * time.Millisecond, Reply: 100 * time.Millisecond}
}

// speaker starts something that is no container: it says text, or closes, or
// says nothing.
func speaker(t *testing.T, text string, closes bool) Container {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, text)
			if closes {
				conn.Close()
			} else {
				defer conn.Close()
			}
		}
	}()
	return Container{Address: l.Addr().String(), Pong: 100 * time.Millisecond, Reply: 100 * time.Millisecond}
}

// failing is a container that cannot be reached.
func failing(err error) Container {
	return Container{Address: "tc1.example:8009", Connect: 20 * time.Millisecond, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if err == nil {
			<-ctx.Done()
			err = ctx.Err()
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}}
}

func TestTroubles(t *testing.T) {
	secret := func(c Container, text string) Container { c.Secret = text; return c }
	guarded := container(t, ajptest.Config{Script: answers, Secret: "hush"})
	small := container(t, ajptest.Config{Script: answers})
	small.Packet = 16384
	for _, test := range []struct {
		rule, want string
		container  Container
		kind       Kind
	}{
		{"nobody has the name", "unknown name: tc1.example has no address", failing(&net.DNSError{Err: "no such host", Name: "tc1.example"}), UnknownName},
		{"no port", "bad address: nowhere is no address", Container{Address: "nowhere"}, BadAddress},
		{"refused", "refused: nothing listens there", failing(os.NewSyscallError("connect", syscall.ECONNREFUSED)), Refused},
		{"dropped", "no connection: nobody answers within 20ms: the machine is down, or a firewall drops what is sent", failing(nil), ConnectTimeout},
		{"no route", "unreachable: there is no way to tc1.example", failing(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), Unreachable},
		{"EACCES", "forbidden: this system does not let this process connect: SELinux, or a firewall here", failing(os.NewSyscallError("connect", syscall.EACCES)), Forbidden},
		{"something else", "broken: dial tcp: connect: too many open files", failing(os.NewSyscallError("connect", syscall.EMFILE)), Broken},
		{"silent", "silent: it accepts, but does not answer CPING within 100ms: all its threads are busy, it hangs, or it is not AJP", container(t, ajptest.Config{Script: answers, Mute: true}), Silent},
		{"closes", "closed: it accepts, and closes the connection without an answer", speaker(t, "", true), Closed},
		{"HTTP", "answers in HTTP: HTTP/1.1 400 Bad Request", speaker(t, "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", true), NotAJP},
		{"HTTP/0.9", "answers in HTTP, with a page", speaker(t, "<html>", true), NotAJP},
		{"TLS", "answers in TLS", speaker(t, "\x15\x03\x03\x00\x02\x02\x46", false), NotAJP},
		{"SSH", "answers in SSH", speaker(t, "SSH-2.0-OpenSSH_9\r\n", false), NotAJP},
		{"something", `answers "+OK\r\n"`, speaker(t, "+OK\r\n", false), NotAJP},
		{"AJP that is none", "broken: ajp: message 17 at byte 0: may not come now", speaker(t, "AB\x00\x01\x11", false), Broken},
		{"half of AJP", "silent: ", speaker(t, "AB\x00", false), Silent},
		{"no secret", "secret missing: it wants a secret, and none is set", guarded, SecretMissing},
		{"another secret", "secret wrong: it does not take this secret", secret(guarded, "other"), SecretWrong},
		{"a smaller packetSize", "packet too small: it does not take packets of 16384 bytes, as max_packet_size says", small, PacketTooSmall},
		{"no answer to a request", "no answer: it answers CPING, but a request not within 100ms", container(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Hang() }}), NoAnswer},
		{"breaks off", "closed: ", container(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Close() }}), Closed},
	} {
		_, err := Ping(context.Background(), test.container)
		trouble, ok := errors.AsType[*Trouble](err)
		if !ok || trouble.Kind != test.kind || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.rule, err, test.want)
		}
		if ok && trouble.Word() != strings.SplitN(err.Error(), ":", 2)[0] {
			t.Errorf("%s: %q does not begin with %q", test.rule, err, trouble.Word())
		}
	}
}

// TestPing: one that does is told with its times; the request is one that no
// application sees.
func TestPing(t *testing.T) {
	s := ajptest.Start(ajptest.Config{Script: answers, Secret: "hush", PacketSize: 20000})
	t.Cleanup(s.Close)
	pulse, err := Ping(context.Background(), Container{Address: s.Addr(), Secret: "hush", Packet: 16384})
	if err != nil || pulse.Pong <= 0 || pulse.Reply <= 0 {
		t.Errorf("%+v, %v", pulse, err)
	}
	if s.Pings() != 1 || s.Count("*") != 2 || s.Requests()[0].Method != "OPTIONS" {
		t.Errorf("%d pings, %d requests", s.Pings(), len(s.Requests()))
	}
}

func TestGet(t *testing.T) {
	c := container(t, ajptest.Config{Script: func(c *ajptest.Call) {
		switch {
		case c.Request.Method == "OPTIONS":
			c.Answer(200, "")
		case c.Request.URI == "/none":
			c.Answer(204, "")
		default:
			io.ReadAll(c)
			c.Headers(418, "X-Asked", c.Request.ServerName+c.Request.URI+"?"+c.Request.Attributes.Query)
			c.Body("one ")
			c.FlushClient()
			c.Body("two")
			c.End(false)
		}
	}})
	get := func(target string) string {
		var out bytes.Buffer
		err := Get(context.Background(), c, "www.site.example", target, func(a *Answer) error {
			fmt.Fprintln(&out, a.Status, a.Headers)
			return nil
		}, &out)
		if err != nil {
			fmt.Fprint(&out, err)
		}
		return out.String()
	}
	if got, want := get("/x?y=1"), "418 [{X-Asked www.site.example/x?y=1}]\none two"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := get("/none"), "204 []\n"; got != want {
		t.Errorf("an answer without a body: %q, want %q", got, want)
	}
	if got := get("/" + strings.Repeat("x", ajp.DefaultMaxPacket)); !strings.HasPrefix(got, "request too large: the request does not fit in a packet of 8192 bytes") {
		t.Errorf("a path over the packet: %.100q", got)
	}
}

// TestInterrupted: who asks may give up.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := container(t, ajptest.Config{Script: func(c *ajptest.Call) { cancel(); c.Hang() }})
	c.Reply = time.Hour
	if _, err := Ping(ctx, c); err == nil {
		t.Error("it goes on")
	}
}

// TestFixes: each trouble that the operator can end says how.
func TestFixes(t *testing.T) {
	c := Container{Address: "10.0.0.1:8009", Packet: 16384}
	local := Container{Address: "127.0.0.1:8009"}
	for _, test := range []struct {
		kind Kind
		c    Container
		want string
	}{
		{Refused, c, `start Tomcat; its server.xml needs <Connector protocol="AJP/1.3" port="8009" address="10.0.0.1" …/>, since without an address it listens on loopback only`},
		{Refused, local, `start Tomcat; its server.xml needs <Connector protocol="AJP/1.3" port="8009" …/>`},
		{Forbidden, c, "with SELinux: setsebool -P httpd_can_network_connect on"},
		{SecretWrong, c, `let worker.NAME.secret and <Connector protocol="AJP/1.3" port="8009" secret="…"/> be the same`},
		{PacketTooSmall, c, `write <Connector protocol="AJP/1.3" port="8009" packetSize="16384"/>, or take max_packet_size out`},
		{Broken, c, ""},
	} {
		if got := (&Trouble{Kind: test.kind, container: test.c}).Fix(); got != test.want {
			t.Errorf("%v: %q, want %q", test.kind, got, test.want)
		}
	}
}
