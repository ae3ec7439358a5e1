package serverxml

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/golden"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/node"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// loadText loads conf/server.xml of dir, with "site" and "localhost" as names
// that are known.
func loadText(dir string, property func(string) (string, bool)) (*node.Config, string) {
	var told strings.Builder
	cfg, err := load(filepath.Join(dir, "conf/server.xml"), Options{Property: property, Warn: func(text string) { told.WriteString(text + "\n") }},
		func(name string) (netip.Addr, error) {
			if ip := map[string]string{"localhost": "127.0.0.1", "site": "192.0.2.7", "pj001": "127.0.1.1"}[name]; ip != "" {
				return netip.MustParseAddr(ip), nil
			}
			return netip.Addr{}, fmt.Errorf("no such host")
		})
	if err != nil {
		told.WriteString(err.Error() + "\n")
	}
	return cfg, strings.ReplaceAll(told.String(), dir+"/", "")
}

// TestLoad loads conf/server.xml of each case: what comes out is what is told,
// and what the Config says beyond the zero one.
func TestLoad(t *testing.T) {
	golden.Run(t, "testdata/load", func(t *testing.T, c golden.Case) string {
		dir := t.TempDir()
		for name, text := range c.Files {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cfg, told := loadText(dir, func(name string) (string, bool) { return "given", name == "jvmRoute.of.test" })
		if cfg == nil {
			return told
		}
		return told + strings.ReplaceAll(dumpConfig(cfg), dir, "$DIR")
	})
}

// dumpConfig writes what is not zero, a line a struct.
func dumpConfig(cfg *node.Config) string {
	var b strings.Builder
	p := func(indent, what string, v any) {
		fmt.Fprintf(&b, "%s%s%s\n", indent, what, fieldsOf(v))
	}
	p("", "server", cfg.Shutdown)
	for _, s := range cfg.Services {
		p("", "service "+s.Name, "")
		for _, c := range s.Connectors {
			p("  ", "connector", c)
		}
		e := s.Engine
		e.Hosts, e.Cluster = nil, nil
		p("  ", "engine", e)
		dumpCluster(p, "    ", s.Engine.Cluster)
		for _, h := range s.Engine.Hosts {
			contexts, cluster := h.Contexts, h.Cluster
			h.Contexts, h.Cluster = nil, nil
			p("    ", "host", h)
			dumpCluster(p, "      ", cluster)
			for _, c := range contexts {
				p("      ", "context", c)
			}
		}
	}
	return b.String()
}

func dumpCluster(p func(indent, what string, v any), indent string, c *node.Cluster) {
	if c == nil {
		return
	}
	one := *c
	one.Interceptors = nil
	p(indent, "cluster", one)
	for _, i := range c.Interceptors {
		p(indent+"  ", fmt.Sprintf("interceptor %d %T", i.Line, i.Config), i.Config)
	}
}

// fieldsOf writes the fields of a struct that are not zero.
func fieldsOf(v any) string {
	text := fieldText(v)
	if text == "" || text == "{}" {
		return ""
	}
	return " " + strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}")
}
