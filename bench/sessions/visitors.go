package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A visitor has a connection to one node, and sessions that it made there.
type visitor struct {
	node     *process
	conn     net.Conn
	in       *bufio.Reader
	plain    []byte // a request without a session
	sessions []*visit
	at       int // the session whose turn it is
}

// A visit is a session of a visitor.
type visit struct {
	id      string
	request []byte
	count   int64
	told    []int64 // when each count was told, in ns since 1970, if that is recorded
}

// patience is how long an answer may take.
const patience = 20 * time.Second

func newVisitor(n *process) (*visitor, error) {
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		return nil, err
	}
	return &visitor{node: n, conn: conn, in: bufio.NewReader(conn), plain: request(n, "/plain", "")}, nil
}

func request(n *process, path, id string) []byte {
	b := []byte("GET " + contextPath + path + " HTTP/1.1\r\nHost: " + n.addr + "\r\n")
	if id != "" {
		b = append(b, "Cookie: JSESSIONID="+id+"\r\n"...)
	}
	return append(b, "\r\n"...)
}

// ask sends a request and returns the body of the answer, and the id of a
// session that it has made.
func (v *visitor) ask(request []byte) (body []byte, id string, err error) {
	if err := v.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, "", err
	}
	if _, err := v.conn.Write(request); err != nil {
		return nil, "", err
	}
	line, err := v.in.ReadSlice('\n')
	if err != nil {
		return nil, "", err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return nil, "", fmt.Errorf("answer %q", line)
	}
	length := -1
	for {
		if line, err = v.in.ReadSlice('\n'); err != nil {
			return nil, "", err
		}
		if len(line) == 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, "", err
			}
		case bytes.EqualFold(name, []byte("Set-Cookie")):
			id, _, _ = strings.Cut(strings.TrimPrefix(string(value), "JSESSIONID="), ";")
		}
	}
	if length < 0 {
		return nil, "", errors.New("an answer without its length")
	}
	body = make([]byte, length)
	_, err = io.ReadFull(v.in, body)
	return body, id, err
}

// create makes a session, with a text in place of a cart if that is wanted.
func (v *visitor) create(text bool) error {
	path := "/count"
	if text {
		path += "?text"
	}
	body, id, err := v.ask(request(v.node, path, ""))
	if err != nil {
		return err
	}
	if id == "" || !bytes.HasPrefix(body, []byte("1 ")) {
		return fmt.Errorf("a new session %q says %q", id, body)
	}
	v.sessions = append(v.sessions, &visit{id: id, request: request(v.node, "/count", id), count: 1})
	return nil
}

// click counts in the session whose turn it is, and makes sure that no click
// was lost.
func (v *visitor) click(record bool) error {
	s := v.sessions[v.at%len(v.sessions)]
	v.at++
	body, id, err := v.ask(s.request)
	if err != nil {
		return err
	}
	s.count++
	number, at, _ := strings.Cut(string(body), " ")
	if id != "" || number != strconv.FormatInt(s.count, 10) {
		return fmt.Errorf("click %d of a session was answered with %q, a new id %q", s.count, body, id)
	}
	if record {
		told, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return err
		}
		s.told = append(s.told, told)
	}
	return nil
}

// look asks for what needs no session.
func (v *visitor) look() error {
	_, _, err := v.ask(v.plain)
	return err
}

// together lets all visitors do something until it says that it is over, each
// with its own connection, and returns the first error and how long it took.
func together(all []*visitor, do func(v *visitor) (over bool, err error)) (time.Duration, error) {
	var visiting sync.WaitGroup
	var failed atomic.Pointer[error]
	began := time.Now()
	for _, v := range all {
		visiting.Go(func() {
			for failed.Load() == nil {
				over, err := do(v)
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
				if over || err != nil {
					return
				}
			}
		})
	}
	visiting.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return time.Since(began), nil
}

// forTime lets all visitors do something as fast as they can for a time, and
// returns how often they did.
func forTime(all []*visitor, length time.Duration, do func(v *visitor) error) (count int64, took time.Duration, err error) {
	end := time.Now().Add(length)
	var done atomic.Int64
	took, err = together(all, func(v *visitor) (bool, error) {
		if err := do(v); err != nil {
			return true, err
		}
		done.Add(1)
		return time.Now().After(end), nil
	})
	return done.Load(), took, err
}

// fill lets all visitors make so many sessions in all.
func fill(all []*visitor, count int, text bool) (time.Duration, error) {
	left := atomic.Int64{}
	left.Store(int64(count))
	return together(all, func(v *visitor) (bool, error) {
		if left.Add(-1) < 0 {
			return true, nil
		}
		return false, v.create(text)
	})
}
