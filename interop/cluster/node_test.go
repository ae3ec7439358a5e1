package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/delta"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// nodeEnv makes the test program a Go node: its value is the node's route.
const nodeEnv = "CATFLAP_TEST_NODE"

func TestMain(m *testing.M) {
	if route := os.Getenv(nodeEnv); route != "" {
		if err := runNode(route); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := peer.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "interop/cluster:", err)
		os.Exit(1)
	}
	os.Exit(leaktest.Checked(m).Run())
}

// runNode is a Go node with the application /shop at port 8080, until SIGTERM.
func runNode(route string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	base := interceptor.Base{Log: log}
	channel, err := tribes.New(tribes.Config{Name: route, Log: log, Interceptors: []tribes.Interceptor{
		interceptor.NewDispatch(interceptor.DispatchConfig{Base: base}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{Base: base}),
	}})
	if err != nil {
		return err
	}
	c := cluster.New(cluster.Config{Log: log}, channel)
	m, err := delta.New(delta.Config{Context: c.Context("localhost", "/shop"), Route: route, Log: log}, c)
	if err != nil {
		return err
	}
	h, err := session.Handler(session.Config{ContextPath: "/shop", Log: log}, m, http.HandlerFunc(shop))
	if err != nil {
		return err
	}
	server := &http.Server{Addr: ":8080", Handler: h}
	served := make(chan error, 1)
	go func() {
		<-m.Ready()
		served <- server.ListenAndServe()
	}()
	err = c.Run(ctx, m)
	server.Close()
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		return end
	}
	return err
}

// shop does what Shop.java does.
func shop(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	q := r.URL.Query()
	var err error
	switch q.Get("op") {
	case "fill":
		for name, v := range map[string]any{
			"string": "häl\x00lo 😀", "count": int32(42), "long": int64(1) << 40, "bool": true, "double": 2.5, "date": time.UnixMilli(1700000000123),
			"bytes": []byte{0, 1, 255}, "list": []any{"x", int32(7)}, "map": map[string]any{"k": int64(9)},
		} {
			err = errors.Join(err, s.Set(name, v))
		}
	case "count":
		v, _ := s.Get("count")
		n, _ := v.(int32)
		err = s.Set("count", n+1)
	case "set":
		err = s.Set(q.Get("name"), q.Get("value"))
	case "remove":
		s.Remove(q.Get("name"))
	case "rotate":
		err = s.RotateID()
	case "invalidate":
		err = s.Invalidate()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if !s.Exists() {
		io.WriteString(w, "none\n")
		return
	}
	for _, name := range s.Names() {
		v, _ := s.Get(name)
		fmt.Fprintf(w, "%s=%s\n", name, strings.ReplaceAll(inWords(v), "\x00", "NUL"))
	}
}

// inWords says what Shop.java says of a value.
func inWords(v any) string {
	switch v := v.(type) {
	case string:
		return "java.lang.String:" + v
	case int32:
		return fmt.Sprint("java.lang.Integer:", v)
	case int64:
		return fmt.Sprint("java.lang.Long:", v)
	case bool:
		return fmt.Sprint("java.lang.Boolean:", v)
	case float64:
		return fmt.Sprint("java.lang.Double:", v)
	case time.Time:
		return fmt.Sprint("java.util.Date:", v.UnixMilli())
	case []byte:
		var all []string
		for _, b := range v {
			all = append(all, fmt.Sprint(int8(b)))
		}
		return "[B:[" + strings.Join(all, ", ") + "]"
	case []any:
		return "java.util.ArrayList:" + strings.ReplaceAll(fmt.Sprint(v), " ", ", ")
	case map[string]any:
		return "java.util.HashMap:" + strings.NewReplacer("map[", "{", "]", "}", ":", "=").Replace(fmt.Sprint(v))
	case javaserial.Opaque:
		label, _ := v.Field("label")
		return fmt.Sprint(v.Class(), ":", label)
	}
	return fmt.Sprintf("%T", v)
}
