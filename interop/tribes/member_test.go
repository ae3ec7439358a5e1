package tribes

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// memberEnv makes the test program a Go member: its value is a memberConfig.
const memberEnv = "CATFLAP_TEST_MEMBER"

func TestMain(m *testing.M) {
	if text := os.Getenv(memberEnv); text != "" {
		if err := runMember(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := peer.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "interop/tribes:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// A memberConfig says what a Go member in a process of its own is like.
type memberConfig struct {
	Name   string
	Addr   string
	Stack  string // names of interceptors
	Domain string
	Folder string
}

// stackOf returns the interceptors of a Tomcat that has the same.
func stackOf(names string, log *slog.Logger) ([]tribes.Interceptor, error) {
	base := interceptor.Base{Log: log}
	var all []tribes.Interceptor
	for _, name := range strings.Fields(names) {
		switch name {
		case "dispatch":
			all = append(all, interceptor.NewDispatch(interceptor.DispatchConfig{Base: base}))
		case "detector":
			all = append(all, interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{Base: base}))
		case "ping":
			all = append(all, interceptor.NewPing(interceptor.PingConfig{Base: base}))
		case "gzip":
			all = append(all, interceptor.NewGzip(interceptor.GzipConfig{Base: base}))
		case "order":
			all = append(all, interceptor.NewOrder(interceptor.OrderConfig{Base: base}))
		case "fragmentation":
			all = append(all, interceptor.NewFragmentation(interceptor.FragmentationConfig{Base: base}))
		case "encrypt":
			e, err := interceptor.NewEncrypt(interceptor.EncryptConfig{Base: base, Key: encryptKey})
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		default:
			return nil, fmt.Errorf("no interceptor %s", name)
		}
	}
	return all, nil
}

const encryptKey = "000102030405060708090a0b0c0d0e0f"

// runMember is a Go member until stdin ends. It prints what happens, a line
// each, and takes commands from stdin.
func runMember(text string) error {
	var cfg memberConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	stack, err := stackOf(cfg.Stack, log)
	if err != nil {
		return err
	}
	c, err := tribes.New(tribes.Config{Name: cfg.Name, Domain: []byte(cfg.Domain), Folder: cfg.Folder, Interceptors: stack, Log: log})
	if err != nil {
		return err
	}
	p := &printer{}
	c.Listen(p)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		commands := bufio.NewScanner(os.Stdin)
		for commands.Scan() {
			p.print(command(ctx, c, commands.Text()))
		}
	}()
	return c.Run(ctx)
}

// command does what a line of stdin says, and returns what to print.
func command(ctx context.Context, c *tribes.Channel, line string) string {
	words := strings.Fields(line)
	if words[0] == "members" {
		var all []string
		for _, m := range c.Members() {
			all = append(all, m.Host.String())
		}
		slices.Sort(all)
		return "members " + strings.Join(all, " ")
	}
	var count, size, options int
	if _, err := fmt.Sscan(strings.Join(words[1:], " "), &count, &size, &options); err != nil {
		return "bad command " + line
	}
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range count {
		data := make([]byte, size)
		for k := range data {
			data[k] = byte(random.Uint32())
		}
		if err := c.Send(ctx, c.Members(), &tribes.Message{Options: tribes.Options(options) | tribes.OptionBytes, Data: data}); err != nil {
			return fmt.Sprintf("send %d of %d: %v", i, count, err)
		}
	}
	return fmt.Sprintf("sent %d", count)
}

// A printer prints what a channel tells it.
type printer struct{ mu sync.Mutex }

func (p *printer) print(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Println(text)
}

func (p *printer) Received(m *tribes.Message) (bool, error) {
	p.print(fmt.Sprintf("got %d %x from %s", len(m.Data), sha256.Sum256(m.Data), m.From.Host))
	return true, nil
}

func (p *printer) Joined(m tribes.Member) { p.print("joined " + m.Host.String()) }
func (p *printer) Left(m tribes.Member)   { p.print("left " + m.Host.String()) }

// A goMember is a Go member in a process of its own.
type goMember struct {
	host   netns.Host
	cfg    memberConfig
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	ended  chan struct{}
	stderr *lockedBuffer

	mu    sync.Mutex
	lines []line
}

type line struct {
	text string
	at   time.Time
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// startMember starts a Go member on a host; it ends with the test.
func startMember(t *testing.T, host netns.Host, cfg memberConfig) *goMember {
	t.Helper()
	cfg.Addr = host.Addr
	if cfg.Name == "" {
		cfg.Name = "go"
	}
	if cfg.Stack == "" {
		cfg.Stack = "dispatch detector"
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := &goMember{host: host, cfg: cfg, cmd: host.Command(os.Args[0]), ended: make(chan struct{}), stderr: &lockedBuffer{}}
	m.cmd.Env = append(os.Environ(), memberEnv+"="+string(text))
	m.cmd.Stderr = m.stderr
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(m.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			m.mu.Lock()
			m.lines = append(m.lines, line{lines.Text(), time.Now()})
			m.mu.Unlock()
		}
		_ = m.cmd.Wait() // a killed one is no news
	}()
	t.Cleanup(func() {
		m.kill()
		if t.Failed() {
			t.Logf("member on %s: %q\n%s", host.Addr, m.texts(), m.stderr)
		}
	})
	return m
}

func (m *goMember) kill() {
	_ = syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL)
	<-m.ended
}

// stop ends m in order.
func (m *goMember) stop(t *testing.T) {
	t.Helper()
	m.stdin.Close()
	select {
	case <-m.ended:
	case <-time.After(10 * time.Second):
		t.Errorf("member on %s does not end", m.host.Addr)
		m.kill()
	}
}

func (m *goMember) texts() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, l := range m.lines {
		all = append(all, l.text)
	}
	return all
}

func (m *goMember) tell(t *testing.T, command string) {
	t.Helper()
	if _, err := io.WriteString(m.stdin, command+"\n"); err != nil {
		t.Fatal(err)
	}
}

// count returns how many lines begin with prefix.
func (m *goMember) count(prefix string) int {
	n := 0
	for _, text := range m.texts() {
		if strings.HasPrefix(text, prefix) {
			n++
		}
	}
	return n
}

// await waits until n lines begin with prefix, at most for limit, and returns
// when the last of them came.
func (m *goMember) await(t *testing.T, prefix string, n int, limit time.Duration) time.Time {
	t.Helper()
	var at time.Time
	await(t, limit, func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		seen := 0
		for _, l := range m.lines {
			if strings.HasPrefix(l.text, prefix) {
				if seen++; seen == n {
					at = l.at
					return nil
				}
			}
		}
		return fmt.Errorf("member on %s said %q %d times, want %d", m.host.Addr, prefix, seen, n)
	})
	return at
}

// await calls f until it returns nil, at most for limit.
func await(t *testing.T, limit time.Duration, f func() error) {
	t.Helper()
	err := errors.New("not tried")
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("after %v: %v", limit, err)
}
