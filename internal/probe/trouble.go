package probe

import (
	"bytes"
	"fmt"
	"net"
	"strings"
)

// A Kind is what is wrong with a container.
type Kind int

const (
	Broken         Kind = iota // something else; Err says it
	UnknownName                // the host name has no address
	BadAddress                 // the address is none
	Refused                    // nothing listens
	ConnectTimeout             // nobody answers
	Unreachable                // no way there
	Forbidden                  // this system does not let us: EACCES
	Silent                     // accepts, and does not answer CPING
	Closed                     // accepts, and closes
	NotAJP                     // answers something else
	SecretMissing              // wants a secret
	SecretWrong                // wants another secret
	PacketTooSmall             // takes smaller packets than max_packet_size
	TooLarge                   // the request does not fit in a packet
	NoAnswer                   // answers CPING, but no request
)

// A Trouble is what is wrong with a container.
type Trouble struct {
	Kind  Kind
	Heard []byte // the first bytes that it said, of NotAJP
	Err   error

	container Container
}

// Word names the trouble in a word or two: "refused".
func (t *Trouble) Word() string {
	return [...]string{
		Broken: "broken", UnknownName: "unknown name", BadAddress: "bad address", Refused: "refused", ConnectTimeout: "no connection",
		Unreachable: "unreachable", Forbidden: "forbidden", Silent: "silent", Closed: "closed", NotAJP: "not AJP",
		SecretMissing: "secret missing", SecretWrong: "secret wrong", PacketTooSmall: "packet too small",
		TooLarge: "request too large", NoAnswer: "no answer",
	}[t.Kind]
}

// Error says what is wrong, after the word.
func (t *Trouble) Error() string { return t.Word() + ": " + t.says() }

func (t *Trouble) Unwrap() error { return t.Err }

func (t *Trouble) says() string {
	c := t.container.filled()
	host, port, _ := net.SplitHostPort(c.Address)
	switch t.Kind {
	case UnknownName:
		return host + " has no address"
	case BadAddress:
		return c.Address + " is no address"
	case Refused:
		return "nothing listens there"
	case ConnectTimeout:
		return fmt.Sprintf("nobody answers within %v: the machine is down, or a firewall drops what is sent", c.Connect)
	case Unreachable:
		return "there is no way to " + host
	case Forbidden:
		return "this system does not let this process connect: SELinux, or a firewall here"
	case Silent:
		return fmt.Sprintf("it accepts, but does not answer CPING within %v: all its threads are busy, it hangs, or it is not AJP", c.Pong)
	case Closed:
		return "it accepts, and closes the connection without an answer"
	case NotAJP:
		return "port " + port + " answers " + heardText(t.Heard)
	case SecretMissing:
		return "it wants a secret, and none is set"
	case SecretWrong:
		return "it does not take this secret"
	case PacketTooSmall:
		return fmt.Sprintf("it does not take packets of %d bytes, as max_packet_size says", c.Packet)
	case TooLarge:
		return fmt.Sprintf("the request does not fit in a packet of %d bytes", c.Packet)
	case NoAnswer:
		return fmt.Sprintf("it answers CPING, but a request not within %v", c.Reply)
	}
	return t.Err.Error()
}

// Fix says what to do, "" if nobody knows.
func (t *Trouble) Fix() string {
	c := t.container.filled()
	host, port, _ := net.SplitHostPort(c.Address)
	connector := fmt.Sprintf(`<Connector protocol="AJP/1.3" port="%s" `, port)
	switch t.Kind {
	case UnknownName:
		return "correct the host of this worker, or DNS"
	case BadAddress:
		return "write HOST:PORT"
	case Refused:
		if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" {
			return "start Tomcat; its server.xml needs " + connector + "…/>"
		}
		return "start Tomcat; its server.xml needs " + connector + `address="` + host + `" …/>, since without an address it listens on loopback only`
	case Forbidden:
		return "with SELinux: setsebool -P httpd_can_network_connect on"
	case NotAJP:
		return "name the port of the AJP connector, which is mostly 8009"
	case Silent, NoAnswer:
		return "look at Tomcat: maxThreads of the connector, a thread dump (jstack)"
	case Closed:
		return "look at Tomcat's log: maxConnections, or a proxy that has nobody behind it"
	case SecretMissing:
		return "write worker.NAME.secret=…, as in " + connector + `secret="…"/>`
	case SecretWrong:
		return "let worker.NAME.secret and " + connector + `secret="…"/> be the same`
	case PacketTooSmall:
		return fmt.Sprintf(`write %spacketSize="%d"/>, or take max_packet_size out`, connector, c.Packet)
	case TooLarge:
		return "a larger max_packet_size here, and packetSize there"
	}
	return ""
}

// secretKind is what a refusal means.
func secretKind(c Container) Kind {
	if c.Secret == "" {
		return SecretMissing
	}
	return SecretWrong
}

// heardText says what kind of bytes these are.
func heardText(heard []byte) string {
	first, _, _ := strings.Cut(string(heard), "\n")
	switch {
	case bytes.HasPrefix(heard, []byte("HTTP/")):
		return "in HTTP: " + strings.TrimSpace(first)
	case bytes.HasPrefix(bytes.ToLower(heard), []byte("<!doctype")), bytes.HasPrefix(bytes.ToLower(heard), []byte("<html")):
		return "in HTTP, with a page"
	case len(heard) > 1 && (heard[0] == 0x15 || heard[0] == 0x16) && heard[1] == 3:
		return "in TLS"
	case bytes.HasPrefix(heard, []byte("SSH-")):
		return "in SSH"
	}
	return fmt.Sprintf("%.40q", heard)
}
