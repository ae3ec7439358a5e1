package privilege

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A family is a grantor and a child of it in one process.
type family struct {
	grantor *grantor
	child   *Child
	next    atomic.Pointer[Names] // of the configuration that a reload finds
	ended   chan error
}

func set(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// newFamily starts one whose configuration names names.
func newFamily(t *testing.T, names Names) *family {
	t.Helper()
	f := &family{ended: make(chan error, 1)}
	f.grantor = &grantor{
		user: stranger, programs: &Programs{}, accepted: names, names: names, sockets: map[string]*net.TCPListener{},
		load: func(Opener) Names { return *f.next.Load() },
	}
	f.next.Store(&Names{})
	ours, theirs, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	requests, err := connOf(theirs)
	if err != nil {
		t.Fatal(err)
	}
	f.child = &Child{parent: os.Getpid(), requests: requests}
	go func() { f.ended <- f.grantor.serve(ours) }()
	t.Cleanup(func() {
		requests.Close()
		<-f.ended
		ours.Close()
		f.grantor.close()
		if !f.grantor.programs.Wait(10 * time.Second) {
			t.Error("a program is left")
		}
	})
	return f
}

// TestChildOpens: the child gets what the configuration names, as Direct
// would give it.
func TestChildOpens(t *testing.T) {
	root := tree(t, map[string]string{"conf": "", "folder/x": ""})
	conf, log, pid, got := root+"/conf", root+"/log", root+"/run/pid", root+"/got" // run is made
	command := "|$cat >" + got
	f := newFamily(t, Names{
		Read: set(conf, root+"/folder"), Stat: set(root + "/folder"), Append: set(log), Pipe: set(command),
		Listen: set("127.0.0.1:0"), Pid: set(pid),
	})
	file, err := f.child.file(askRead, conf)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(file); string(text) != "conf" || file.Name() != conf {
		t.Errorf("read %q of %s", text, file.Name())
	}
	file.Close()
	if file, err = f.child.file(askRead, root+"/folder"); err != nil {
		t.Fatal(err)
	}
	if names, err := file.Readdirnames(-1); len(names) != 1 {
		t.Error(names, err)
	}
	file.Close()
	r, _, err := f.child.ask(request{verb: askStat, name: root + "/folder"})
	info, _ := os.Stat(root + "/folder")
	if told := (toldInfo{root + "/folder", r}); err != nil || !told.IsDir() || told.Mode() != info.Mode() || !told.ModTime().Equal(info.ModTime()) || told.Name() != "folder" {
		t.Errorf("%v %v, %v", told.Mode(), told.ModTime(), err)
	}
	for range 2 {
		if file, err = f.child.Append(log); err != nil {
			t.Fatal(err)
		}
		file.WriteString("line\n")
		file.Close()
	}
	if text, _ := os.ReadFile(log); string(text) != "line\nline\n" {
		t.Errorf("log %q", text)
	}
	program, err := f.child.Pipe(command)
	if err != nil {
		t.Fatal(err)
	}
	if err := program.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Errorf("a write to the program may hang: %v", err)
	}
	program.WriteString("line\n")
	program.Close()
	if !f.grantor.programs.Wait(20 * time.Second) {
		t.Error("the program does not end")
	}
	if text, _ := os.ReadFile(got); string(text) != "line\n" {
		t.Errorf("the program got %q", text)
	}
	f.pidFile(t, pid)
}

// pidFile writes and removes the PidFile and the state beside it.
func (f *family) pidFile(t *testing.T, pid string) {
	if err := f.child.WritePid(pid); err != nil {
		t.Error(err)
	}
	file, _ := os.Open(pid)
	if n, err := ReadPid(file); n != f.child.Process() {
		t.Error(n, err)
	}
	file.Close()
	if err := f.child.WriteState(pid, []byte("state")); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(StateFile(pid)); string(text) != "state" {
		t.Errorf("%q, %v", text, err)
	}
	if err := errors.Join(f.child.RemoveState(pid), f.child.RemovePid(pid)); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(pid + "*"); left != nil {
		t.Error(left)
	}
	os.WriteFile(pid, []byte("1\n"), 0o644)
	want := "PidFile " + pid + ": process 1 has it and runs ("
	if err := f.child.WritePid(pid); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Error(err)
	}
}

// TestUnlisten: once the child closes a socket that it was left, nobody
// listens; it can be opened anew.
func TestUnlisten(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	f := newFamily(t, Names{Listen: set(address)})
	for _, leave := range []bool{false, true} {
		l, err := f.child.Listen(address)
		if err != nil {
			t.Fatal(err)
		}
		if leave {
			if err := f.child.Unlisten(address); err != nil {
				t.Error(err)
			}
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		l.Close()
		conn, err = net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		if (err == nil) == leave {
			t.Errorf("left to the child: %v, after it has closed: %v", leave, err)
		}
	}
	if l, err := f.child.Listen(address); err != nil {
		t.Error(err)
	} else {
		l.Close()
	}
	if err := f.child.Unlisten("127.0.0.1:1"); err == nil {
		t.Error("an address that the configuration does not name")
	}
}

// TestChildIsRefused: the child gets nothing that the configuration does not
// name, and of what it names only what it names it for.
func TestChildIsRefused(t *testing.T) {
	root := tree(t, map[string]string{"conf": "", "secret": "", "log": ""})
	f := newFamily(t, Names{Read: set(root + "/conf"), Stat: set(root + "/secret"), Append: set(root + "/log"), Listen: set("127.0.0.1:0")})
	for _, r := range []request{
		{verb: askRead, name: root + "/secret"}, {verb: askRead, name: root + "/log"}, {verb: askRead, name: root + "/x/../conf"},
		{verb: askAppend, name: root + "/conf"}, {verb: askStat, name: "/etc/shadow"}, {verb: askPipe, name: "|/bin/true"},
		{verb: askListen, name: "127.0.0.1:1"}, {verb: askWritePid, name: root + "/log"}, {verb: askRemovePid, name: root + "/log"},
		{verb: askWriteState, name: root + "/log", data: []byte("x")}, {verb: askRemoveState, name: root + "/conf"},
	} {
		_, file, err := f.child.ask(r)
		if !errors.Is(err, fs.ErrPermission) || file != nil || !strings.Contains(err.Error(), "names no ") || !strings.HasSuffix(err.Error(), r.name) {
			t.Errorf("%c %s: %v", r.verb, r.name, err)
		}
	}
	if err := f.child.do(request{verb: askRead, name: strings.Repeat("x", 5000)}); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Error(err)
	}
}

// TestChildErrors: what goes wrong reads as if the child had tried itself.
func TestChildErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address, log := taken.Addr().String(), t.TempDir()+"/none/log"
	f := newFamily(t, Names{Append: set(log), Listen: set(address), Pipe: set("|/no/such")})
	same := func(got, want error) {
		t.Helper()
		if got == nil || got.Error() != want.Error() || errnoOf(got) != errnoOf(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	_, got := f.child.Append(log)
	_, want := Direct{}.Append(log)
	same(got, want)
	_, got = f.child.Listen(address)
	_, want = Direct{}.Listen(address)
	same(got, want)
	_, got = f.child.Pipe("|/no/such")
	_, want = Direct{}.Pipe("|/no/such")
	same(got, want)
}

// TestSocketsOutliveTheChild: a socket stays open with the parent, so that a
// client who comes between two children is served by the second; once no
// configuration names it, it is closed.
func TestSocketsOutliveTheChild(t *testing.T) {
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := reserved.Addr().String()
	reserved.Close()
	f := newFamily(t, Names{Listen: set(address)})
	first, err := f.child.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	second, err := f.child.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	served, err := second.Accept()
	if err != nil || served.RemoteAddr().String() != client.LocalAddr().String() {
		t.Fatal(err)
	}
	served.Close()
	second.Close()
	if err := f.child.Renew(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if client, err := net.Dial("tcp", address); err == nil {
		client.Close()
		t.Error("the socket is still open")
	}
}

// TestRenew: while a reload lasts both configurations can be opened; after it,
// the one that runs.
func TestRenew(t *testing.T) {
	root := tree(t, map[string]string{"old": "", "new": ""})
	f := newFamily(t, Names{Read: set(root + "/old")})
	f.next.Store(&Names{Read: set(root + "/new")})
	can := func(want ...string) {
		t.Helper()
		var got []string
		for _, name := range []string{"old", "new"} {
			if file, err := f.child.file(askRead, root+"/"+name); err == nil {
				file.Close()
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("can open %v, want %v", got, want)
		}
	}
	can("old")
	refused := errors.New("refused")
	if err := f.child.Renew(func() error { can("old", "new"); return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	can("old")
	if err := f.child.Renew(func() error { can("old", "new"); return nil }); err != nil {
		t.Error(err)
	}
	can("new")
	f.child.do(request{verb: askSettle, data: []byte{1}}) // without a reload
	can("new")
}

// TestChildThatTalksNonsense: the parent does not talk to it any more.
func TestChildThatTalksNonsense(t *testing.T) {
	for _, packet := range []string{"x", "r\x00\x00", strings.Repeat("y", maxPacket+100)} {
		f := newFamily(t, Names{})
		f.child.requests.Write([]byte(packet))
		err := <-f.ended
		if err == nil || !strings.Contains(err.Error(), "that are no request") {
			t.Error(err)
		}
		f.ended <- nil // for the end of the test
	}
}

// FuzzGrantor: whatever the child sends, only what the configuration names is
// opened.
func FuzzGrantor(f *testing.F) {
	folder := f.TempDir()
	named := map[string]bool{}
	for _, name := range []string{folder + "/conf", folder + "/log", folder + "/pid"} {
		os.WriteFile(name, nil, 0o600)
		named[name] = true
		named[name+".state"] = true
	}
	g := &grantor{user: stranger, programs: &Programs{}, sockets: map[string]*net.TCPListener{}, load: func(Opener) Names { return Names{} }}
	f.Add([]byte("r\x00\x05/etc/"))
	f.Add([]byte("r\x00\x06@/conf"))
	f.Add([]byte("a\x00\x05@/log"))
	f.Add([]byte("t\x00\x05@/pidstate"))
	f.Add([]byte("o\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := parseRequest(packet)
		if err != nil {
			return
		}
		r.name = strings.Replace(r.name, "@", folder, 1)
		g.accepted = Names{Read: set(folder + "/conf"), Append: set(folder + "/log"), Pid: set(folder + "/pid")}
		g.names = g.accepted
		_, file := g.answer(r)
		if file != nil {
			if is, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd())); !named[is] {
				t.Errorf("%q opened %s, %v", packet, is, err)
			}
			file.Close()
		}
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			if !named[folder+"/"+e.Name()] {
				t.Errorf("%q made %s", packet, e.Name())
			}
		}
	})
}
