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
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/rpc"
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
	code := leaktest.Checked(m).Run()
	if classes != "" {
		os.RemoveAll(classes)
	}
	os.Exit(code)
}

// A memberConfig says what a Go member in a process of its own is like.
type memberConfig struct {
	Name   string
	Stack  string // names of interceptors
	Domain string
	Folder string
	Static string // CHANNEL,OWN ID,HOST:ID...: members are configured
	UDP    bool   // udpPort 4600
	Group  string // address of the group, joined on eth0
	NoLoop bool   // localLoopbackDisabled
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
	channel := tribes.Config{Name: cfg.Name, Domain: []byte(cfg.Domain), Folder: cfg.Folder, Interceptors: stack, Log: log}
	channel.Membership.NoLoop = cfg.NoLoop
	if cfg.UDP {
		channel.UDPPort = 4600
	}
	if cfg.Group != "" {
		channel.Membership.Interface = "eth0"
		if channel.Membership.Group, err = netip.ParseAddr(cfg.Group); err != nil {
			return err
		}
	}
	fixed, err := staticMembers(cfg.Static, &channel)
	if err != nil {
		return err
	}
	c, err := tribes.New(channel)
	if err != nil {
		return err
	}
	p := &printer{}
	c.Listen(p)
	d := rpc.NewDispatcher(c, javaserial.Limits{}, log)
	if fixed != nil {
		if err := fixed.Open(d); err != nil {
			return err
		}
	}
	echo, err := d.Open("echo", answerer{})
	if err != nil {
		return err
	}
	group, leave := context.WithCancel(context.Background())
	defer leave()
	a := &acts{c: c, d: d, echo: echo, log: log}
	go func() {
		defer leave()
		commands := bufio.NewScanner(os.Stdin)
		for commands.Scan() {
			p.print(a.do(group, strings.Fields(commands.Text())))
		}
		a.end()
	}()
	return c.Run(group)
}

// An answerer answers with what it was asked.
type answerer struct{}

func (answerer) Asked(q javaserial.Node, _ tribes.Member) (javaserial.Node, bool) {
	text, _ := javaserial.Go(q)
	return &javaserial.String{Text: fmt.Sprint("go:", text)}, true
}

func (answerer) Leftover(javaserial.Node, tribes.Member) {}

// acts are what a Go member does when it is told.
type acts struct {
	c     *tribes.Channel
	d     *rpc.Dispatcher
	echo  *rpc.Channel
	log   *slog.Logger
	m     *replicated.Map
	stop  context.CancelFunc
	ended chan error
}

// end leaves the map, if one was joined.
func (a *acts) end() {
	if a.m != nil {
		a.stop()
		<-a.ended
	}
}

// do does what a line of stdin says, and returns what to print.
func (a *acts) do(ctx context.Context, words []string) string {
	switch words[0] {
	case "members":
		var all []string
		for _, m := range a.c.Members() {
			all = append(all, m.Host.String())
		}
		slices.Sort(all)
		return "members " + strings.Join(all, " ")
	case "send":
		return a.send(ctx, words[1:])
	case "ask":
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		answers, err := a.echo.Ask(asking, a.c.Members(), &javaserial.String{Text: words[1]}, rpc.All, tribes.OptionAck)
		var texts []string
		for _, r := range answers.Replies {
			text, _ := javaserial.Go(r.Content)
			texts = append(texts, fmt.Sprint(text))
		}
		if err != nil {
			return "failed " + err.Error()
		}
		slices.Sort(texts)
		return "answers " + strings.Join(slices.Compact(texts), ", ")
	case "map":
		return a.join(ctx, words[1])
	}
	return a.entry(ctx, words)
}

func (a *acts) send(ctx context.Context, words []string) string {
	var count, size, options, senders int
	if _, err := fmt.Sscan(strings.Join(words, " "), &count, &size, &options, &senders); err != nil {
		return "bad command"
	}
	var sending errgroup.Group
	sending.SetLimit(senders)
	for i := range count {
		sending.Go(func() error {
			if err := a.c.Send(ctx, a.c.Members(), &tribes.Message{Options: tribes.Options(options) | tribes.OptionBytes, Data: payload(i, size)}); err != nil {
				return fmt.Errorf("send %d of %d: %w", i, count, err)
			}
			return nil
		})
	}
	if err := sending.Wait(); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("sent %d", count)
}

// payload is message i of that size.
func payload(i, size int) []byte {
	data := make([]byte, size)
	for k := range data {
		data[k] = byte(k*31 + i)
	}
	return data
}

func (a *acts) join(ctx context.Context, kind string) string {
	cfg := replicated.Config{Name: "test-map", Log: a.log}
	if kind == "copy" {
		cfg.Kind = replicated.Copy
	}
	var err error
	if a.m, err = replicated.New(cfg, a.d); err != nil {
		return "failed " + err.Error()
	}
	running, stop := context.WithCancel(ctx)
	a.stop, a.ended = stop, make(chan error, 1)
	go func() { a.ended <- a.m.Run(running) }()
	<-a.m.Ready()
	return fmt.Sprint("map ", len(a.m.Entries()))
}

func (a *acts) entry(ctx context.Context, words []string) string {
	switch words[0] {
	case "put":
		if err := a.m.Put(ctx, words[1], words[2]); err != nil {
			return "failed " + err.Error()
		}
		return "put " + words[1]
	case "get":
		v, ok := a.m.Get(ctx, words[1])
		if !ok {
			v = "null"
		}
		return fmt.Sprint("value ", v)
	case "remove":
		a.m.Remove(ctx, words[1])
		return "removed"
	case "keys":
		var keys []string
		for _, e := range a.m.Entries() {
			keys = append(keys, fmt.Sprint(e.Key))
		}
		slices.Sort(keys)
		return "keys " + strings.Join(keys, " ")
	case "role":
		e, ok := a.m.Peek(words[1])
		if !ok {
			return "role none"
		}
		return "role " + e.Role.String()
	}
	return "bad command " + words[0]
}

// A printer prints what a channel tells it.
type printer struct{ mu sync.Mutex }

func (p *printer) print(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Println(text)
}

func (p *printer) Received(m *tribes.Message) (bool, error) {
	if !m.Options.Has(tribes.OptionBytes) {
		return false, nil
	}
	p.print(fmt.Sprintf("got %d %x from %s", len(m.Data), sha256.Sum256(m.Data), m.From.Host))
	return true, nil
}

func (p *printer) Joined(m tribes.Member) { p.print("joined " + m.Host.String()) }
func (p *printer) Left(m tribes.Member)   { p.print("left " + m.Host.String()) }

// A goMember is a member in a process of its own: a Go one, or one on Tomcat's
// own library.
type goMember struct {
	host   netns.Host
	cfg    memberConfig
	stdin  io.WriteCloser
	stderr *lockedBuffer
	*peer.Process

	mu    sync.Mutex
	lines []line
	begun string // of the line that is not whole yet
}

// Write takes what the member prints.
func (m *goMember) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun += string(p)
	for {
		text, rest, whole := strings.Cut(m.begun, "\n")
		if !whole {
			return len(p), nil
		}
		m.lines, m.begun = append(m.lines, line{text, time.Now()}), rest
	}
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
	cmd := host.Command(os.Args[0])
	cmd.Env = append(os.Environ(), memberEnv+"="+string(text))
	return startProcess(t, host, cfg, cmd)
}

// startJava starts a member on Tomcat's own library.
func startJava(t *testing.T, host netns.Host, stack string) *goMember {
	t.Helper()
	args := []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", fmt.Sprint("-Djava.net.preferIPv4Stack=", !strings.Contains(host.Addr, ":")), "-Djava.security.egd=file:/dev/urandom",
		"-cp", javaClasses(t) + ":" + peer.TomcatHome + "/lib/*:" + peer.TomcatHome + "/bin/tomcat-juli.jar", "Peer", host.Addr}
	m := startProcess(t, host, memberConfig{}, host.Command("java", append(args, strings.Fields(stack)...)...))
	m.await(t, "ready", 1, 60*time.Second)
	return m
}

// javaClasses compiles the Java member, once.
func javaClasses(t *testing.T) string {
	t.Helper()
	compile.Do(func() {
		dir, err := os.MkdirTemp("", "catflap-tribes-")
		if err != nil {
			compileErr = err
			return
		}
		classes = dir
		out, err := exec.Command("javac", "-cp", peer.TomcatHome+"/lib/*:"+peer.TomcatHome+"/bin/tomcat-juli.jar", "-d", dir, "testdata/Peer.java").CombinedOutput()
		if err != nil {
			compileErr = fmt.Errorf("javac: %w\n%s", err, out)
		}
	})
	if compileErr != nil {
		t.Fatal(compileErr)
	}
	return classes
}

var (
	compile    sync.Once
	classes    string
	compileErr error
)

func startProcess(t *testing.T, host netns.Host, cfg memberConfig, cmd *exec.Cmd) *goMember {
	t.Helper()
	m := &goMember{host: host, cfg: cfg, stderr: &lockedBuffer{}}
	cmd.Stdout, cmd.Stderr = m, m.stderr
	var err error
	if m.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	m.Process = peer.Start(t, "member on "+host.Addr, filepath.Join(t.TempDir(), "output"), cmd)
	t.Cleanup(func() {
		m.Kill()
		if t.Failed() {
			t.Logf("member on %s: %.4000q\n%.4000s", host.Addr, m.texts(), m.stderr)
		}
	})
	return m
}

// answer tells m a command, and returns the line that it prints next with that
// word.
func (m *goMember) answer(t *testing.T, command, word string, limit time.Duration) string {
	t.Helper()
	before := m.count(word + " ")
	m.tell(t, command)
	m.await(t, word+" ", before+1, limit)
	n := 0
	for _, text := range m.texts() {
		if strings.HasPrefix(text, word+" ") {
			if n++; n == before+1 {
				return strings.TrimPrefix(text, word+" ")
			}
		}
	}
	return ""
}

// stop ends m in order.
func (m *goMember) stop(t *testing.T) {
	t.Helper()
	m.stdin.Close()
	if !m.Ended(10 * time.Second) {
		t.Errorf("member on %s does not end", m.host.Addr)
		m.Kill()
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
