package interop

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A request is what one client sends, byte for byte, and how it behaves.
type request struct {
	id     string
	head   string // request line and headers with the empty line; more than one request if answers says so
	size   int    // of a body that follows, of repeated letters
	chunks int    // if not 0, the body goes in chunks of so many bytes
	answers
	expects bool // waits for 100 Continue before it sends the body
	halves  bool // closes its sending side after the last byte
	slow    bool // reads in small steps with pauses
	leaves  int  // if not 0, goes away after so many bytes of the answer
}

// answers is how many answers are due, the zero value being one.
type answers int

func (a answers) count() int { return max(1, int(a)) }

// method is of the n-th request of r's head.
func (r request) method(n int) string {
	all := strings.SplitAfter(r.head, "\r\n\r\n")
	method, _, _ := strings.Cut(strings.TrimLeft(all[min(n, len(all)-1)], "\r\n"), " ")
	return method
}

// A response is what came back, once.
type response struct {
	status  int      // 0 without an answer
	interim []int    // the 1xx before it
	headers []string // "name: value" as they came, names in lower case
	body    []byte
	fault   string // what was wrong with it, such as a body cut short
}

// header returns the first value of a header, "" without.
func (r response) header(name string) string {
	for _, header := range r.headers {
		if value, ok := strings.CutPrefix(header, name+": "); ok {
			return value
		}
	}
	return ""
}

const patience = 15 * time.Second

// send sends r to addr and returns its answers, as many as are due.
func (r request) send(addr string) ([]response, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(r.pace(conn))
	if _, err := io.WriteString(conn, r.head); err != nil {
		return []response{{fault: "not accepted"}}, nil
	}
	var all []response
	if r.expects {
		if first := readResponse(reader, "HEAD", true); first.status != 100 {
			return append(all, readRest(reader, first, r.method(0))), nil
		}
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		r.sendBody(conn)
	}()
	for n := range r.count() {
		answer := readResponse(reader, r.method(n), false)
		if r.expects {
			answer.interim = append([]int{100}, answer.interim...)
		}
		all = append(all, answer)
		if answer.fault != "" {
			break
		}
	}
	conn.Close()
	<-sent
	return all, nil
}

// sendBody sends the body as far as the server takes it; an answer may come
// before its end.
func (r request) sendBody(conn net.Conn) {
	err := r.writeBody(conn)
	if err == nil && r.halves {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
}

func (r request) writeBody(w io.Writer) error {
	block := bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz012345"), 2048)
	step := len(block)
	if r.chunks > 0 {
		step = min(step, r.chunks)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	for left := r.size; left > 0; {
		n := min(step, left)
		left -= n
		if r.chunks > 0 {
			fmt.Fprintf(out, "%x\r\n", n)
		}
		if _, err := out.Write(block[:n]); err != nil {
			return err
		}
		if r.chunks > 0 {
			out.WriteString("\r\n")
		}
	}
	if r.chunks > 0 {
		out.WriteString("0\r\n\r\n")
	}
	return out.Flush()
}

// pace wraps what r reads from by how it behaves.
func (r request) pace(conn net.Conn) io.Reader {
	switch {
	case r.leaves > 0:
		return io.LimitReader(conn, int64(r.leaves))
	case r.slow:
		return slowReader{conn}
	}
	return conn
}

// A slowReader takes 64 KiB each 10 ms.
type slowReader struct{ from io.Reader }

func (s slowReader) Read(b []byte) (int, error) {
	time.Sleep(10 * time.Millisecond) // the client's own slowness
	return io.ReadFull(s.from, b[:min(len(b), 1<<16)])
}

// readResponse reads one answer to method. With interim it returns a 1xx as
// one, else it notes it.
func readResponse(reader *bufio.Reader, method string, interim bool) response {
	var seen []int
	for {
		r, err := readHead(reader)
		if err != nil {
			r.fault = fault(err)
			return r
		}
		if r.status >= 200 || interim && r.status >= 100 {
			r.interim = seen
			if interim && r.status < 200 {
				return r
			}
			return readRest(reader, r, method)
		}
		seen = append(seen, r.status)
	}
}

func readHead(reader *bufio.Reader) (response, error) {
	var r response
	line, err := reader.ReadString('\n')
	if err != nil {
		if line != "" {
			return r, fmt.Errorf("no status line: %.40q", line)
		}
		return r, err
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(strings.TrimRight(rest, "\r\n"), " ")
	if r.status, err = strconv.Atoi(code); err != nil || !strings.HasPrefix(version, "HTTP/1.") {
		return r, fmt.Errorf("no status line: %.40q", line)
	}
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return r, nil
		}
		name, value, _ := strings.Cut(line, ":")
		r.headers = append(r.headers, strings.ToLower(name)+": "+strings.TrimSpace(value))
	}
}

// readRest reads the body of r by its framing.
func readRest(reader *bufio.Reader, r response, method string) response {
	if r.fault != "" || method == "HEAD" || r.status == 204 || r.status == 304 {
		return r
	}
	var body bytes.Buffer
	var err error
	length := r.header("content-length")
	switch {
	case strings.EqualFold(r.header("transfer-encoding"), "chunked"):
		err = readChunks(reader, &body)
	case length != "":
		var n int64
		if n, err = strconv.ParseInt(length, 10, 64); err == nil {
			_, err = io.CopyN(&body, reader, n)
		}
	default:
		_, err = io.Copy(&body, reader)
	}
	r.body = body.Bytes()
	if err != nil {
		r.fault = "body: " + fault(err)
	}
	return r
}

func readChunks(reader *bufio.Reader, body *bytes.Buffer) error {
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(body, reader, n); err != nil {
			return err
		}
		if end, err := reader.ReadString('\n'); err != nil || end != "\r\n" {
			return fmt.Errorf("chunk ends in %q", end)
		}
		if n == 0 {
			return nil
		}
	}
}

// fault is err in words that do not depend on addresses: how a server closes
// decides between end and reset, which no client can rely on.
func fault(err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "reset by peer"),
		strings.Contains(err.Error(), "broken pipe"):
		return "closed"
	}
	return err.Error()
}

// digest is a body in a few characters.
func digest(body []byte) string {
	return fmt.Sprintf("%d bytes, sha256 %x", len(body), sha256.Sum256(body))
}
