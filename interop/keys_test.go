package interop

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/interop/peer"
)

// keys writes a certificate of that name and its key, which only root may
// read, in the place of what is there.
func (h *house) keys(t *testing.T, name string) {
	t.Helper()
	fresh := certtest.Issue(t, nil, nil, name, nil)
	h.write(t, "etc/tls.crt.new", 0o644, fresh.CertPEM())
	h.write(t, "private/tls.key.new", 0o600, fresh.KeyPEM(t))
	for _, file := range []string{"etc/tls.crt", "private/tls.key"} {
		file = filepath.Join(h.dir, file)
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
}

// certified is the name in the certificate at addr, or why there is none.
func certified(addr string) string {
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestKeysOfRoot: a key that only root may read is used by the process that
// serves as www-data, on a port below 1024; a reload takes another one, and so
// does, in catflap, the time. A reload with a key that does not fit changes
// nothing. (httpd ends then.)
func TestKeysOfRoot(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		addr := lowAddr(t)
		h := newHouse(t, peer.LoadModules("ssl", "socache_shmcb")+"Listen "+addr+" https\n<VirtualHost "+addr+
			">\nSSLEngine on\nSSLCertificateFile etc/tls.crt\nSSLCertificateKeyFile private/tls.key\n</VirtualHost>\n")
		h.keys(t, "first")
		h.server = start(h.conf)
		if got := certified(addr); got != "first" {
			t.Fatalf("the certificate is %s", got)
		}
		h.keys(t, "second")
		if err := h.server.Signal(); err != nil {
			t.Fatal(err)
		}
		await(t, "the second certificate", func() bool { return certified(addr) == "second" })
		if h.server.Name == "httpd" {
			return
		}
		if os.Getenv("CATFLAP_FULL") != "" {
			h.keys(t, "third")
			awaitFor(t, time.Minute, "the third certificate, without a reload", func() bool { return certified(addr) == "third" })
		}
		last := certified(addr)
		h.write(t, "private/tls.key", 0o600, certtest.Issue(t, nil, nil, "other", nil).KeyPEM(t))
		if err := errors.Join(os.Truncate(h.dir+"/log/error.log", 0), h.server.Signal()); err != nil {
			t.Fatal(err)
		}
		h.refusal(t)
		if got := certified(addr); got != last {
			t.Errorf("after a refused reload the certificate is %s, not %s", got, last)
		}
	})
}

// refusal waits until the log tells of a refused reload.
func (h *house) refusal(t *testing.T) {
	t.Helper()
	await(t, "a refused reload", func() bool { return strings.Contains(h.read(t, "log/error.log"), "reload refused") })
}
