package front

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/internal/web/handshake"
	"github.com/catflap/catflap/internal/web/listener"
)

// TLS is how a site speaks TLS.
type TLS struct {
	Handshake handshake.Config
	StrictSNI bool     // SSLStrictSNIVHostCheck: clients without SNI get 403
	Files     []string // what Handshake was read from, absolute
	// Interval is how often Files are looked at for changes; default 5 s.
	Interval time.Duration
	// Read reads Files again, or tells what is wrong with them.
	Read func() (handshake.Config, error)
}

// An SNIPolicy is SSLVHostSNIPolicy: which requests a connection may carry
// whose handshake was for another site.
type SNIPolicy int

const (
	SNISecure   SNIPolicy = iota // those of sites with the very same TLS settings
	SNIAuthOnly                  // with the same wishes for certificates of clients
	SNIStrict                    // none
	SNIInsecure                  // all
)

func (p SNIPolicy) String() string { return [...]string{"secure", "authonly", "strict", "insecure"}[p] }

// HTTP2 is how a site speaks HTTP/2.
type HTTP2 struct {
	Clear   bool // Protocols h2c; for TLS, ALPN is in TLS.Handshake
	Streams int  // H2MaxSessionStreams; default 100
}

// way is how a client is spoken to that came in at local and names a site.
func (s *Server) way(local netip.AddrPort, serverName string) listener.Way {
	l := s.current.Load()
	return l.sites[l.hosts.Select(local, serverName)].way
}

// newWay makes the Way of a site.
func newWay(cfg *Site) listener.Way {
	w := listener.Way{
		H2C:       cfg.HTTP2.Clear,
		Handshake: cfg.Limits.Handshake, Head: cfg.Limits.Head,
		H2: listener.H2{Streams: cfg.HTTP2.Streams, Idle: cfg.Limits.KeepAlive.Timeout, Timeout: cfg.Limits.Timeout},
	}
	if cfg.TLS != nil {
		w.TLS = handshake.New(cfg.TLS.Handshake)
	}
	return w
}

// admit refuses a request whose connection is not one for its site: in clear
// for a site that is TLS, or after a handshake for another one.
//
// Source: httpd modules/ssl/ssl_engine_kernel.c, ssl_hook_ReadReq, and httpd
// 2.4.71 as seen at work.
func (s *site) admit(conn *listener.Conn, r *http.Request, x *exchange.Exchange) error {
	t := x.Client.TLS
	if t == nil {
		return s.notInClear(x)
	}
	l := s.line
	first := l.sites[l.hosts.Select(x.Client.Local, "")]
	strict := s.strictSNI || first.strictSNI
	switch {
	case t.ServerName != "" && r.Host == "":
		return &exchange.Refusal{Status: http.StatusBadRequest, Code: "AH02031", Level: "error", Module: "ssl",
			Log: "Hostname " + t.ServerName + " provided via SNI, but no hostname provided in HTTP request"}
	case t.ServerName == "" && strict && first != l.sites[0]:
		return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH02033", Level: "info", Module: "ssl",
			Log: "No hostname was provided via SNI for a name based virtual host", Reason: "The client did not name the site in its TLS handshake (SNI), which this server wants."}
	case s.compatible(l.sites[l.hosts.Select(x.Client.Local, t.ServerName)], conn.Policy.Config()):
		return nil
	}
	named := t.ServerName
	if named == "" {
		named = first.exchange.Name + " (default host as no SNI was provided)"
	}
	return &exchange.Refusal{Status: http.StatusMisdirectedRequest, Code: "AH02032", Level: "error", Module: "ssl",
		Log: "Hostname " + named + " provided via SNI and hostname " + x.Request.Host + " provided via HTTP have no compatible SSL setup for policy '" +
			s.line.config.Process.SNIPolicy.String() + "'"}
}

// notInClear refuses a request in clear for a site that is TLS.
func (s *site) notInClear(x *exchange.Exchange) error {
	if s.way.TLS == nil || x.Client.TLS != nil {
		return nil
	}
	return &exchange.Refusal{Status: http.StatusForbidden, Level: "error", Module: "ssl",
		Log: "the site is TLS, and not served in clear: " + x.Request.Target, Reason: "This site is served by TLS only."}
}

// compatible reports whether a connection whose handshake was by agreed, for
// the site from, may carry requests for s. For the same site only what is
// wanted of clients has to be the same: the rest may have changed by a reload.
func (s *site) compatible(from *site, agreed *handshake.Config) bool {
	own := &handshake.Config{Setup: "off", Auth: "off"}
	if s.way.TLS != nil {
		own = s.way.TLS.Config()
	}
	if from == s {
		return s.way.TLS == nil || own.Auth == agreed.Auth
	}
	switch s.line.config.Process.SNIPolicy {
	case SNIInsecure:
		return true
	case SNIAuthOnly:
		return own.Auth == agreed.Auth
	case SNIStrict:
		return false
	}
	return own.Setup == agreed.Setup && own.Auth == agreed.Auth
}

// handshakeFailed logs a handshake that failed, at the level of httpd.
func (s *Server) handshakeFailed(conn *listener.Conn, err error) {
	l := s.current.Load()
	site := l.sites[l.hosts.Select(conn.Client.Local, "")]
	ctx, level := context.Background(), slog.LevelInfo
	wrong, clients := errors.AsType[*handshake.VerifyError](err)
	if clients {
		level = slog.LevelError
	}
	if !site.log.Enabled(ctx, level) {
		return
	}
	from := slog.String("client", conn.Client.Remote.String())
	if clients {
		site.log.LogAttrs(ctx, level, "Certificate Verification: Error: "+wrong.Words, from, slog.String("module", "ssl"), slog.String("code", "AH02039"))
		return
	}
	site.log.LogAttrs(ctx, level, fmt.Sprintf("SSL library error in handshake (server %s:%d)", site.exchange.Name, site.exchange.PortOf(true)),
		from, slog.String("module", "ssl"), slog.String("code", "AH02008"), slog.Any("err", err))
}

// renew takes over certificates and the like when their files have changed and
// stay so for one look: they are seldom all written at once. Files with a
// mistake leave what was.
func (s *site) renew(ctx context.Context, cfg *TLS, opener privilege.Opener) error {
	interval := cfg.Interval
	if interval <= 0 {
		interval = 5 * time.Second
	}
	taken := modifiedAll(opener, cfg.Files)
	before := taken
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now := modifiedAll(opener, cfg.Files)
		if now == taken || now != before {
			before = now
			continue
		}
		taken = now
		fresh, err := cfg.Read()
		if err != nil {
			s.log.Error("certificates or keys have changed and cannot be used; the old ones go on", "module", "ssl", "err", err)
			continue
		}
		s.way.TLS.Set(fresh)
		s.log.Log(ctx, levelNotice, fmt.Sprintf("certificates and keys were read again (server %s:%d)", s.exchange.Name, s.exchange.PortOf(true)), "module", "ssl")
	}
}

// modifiedAll tells one state of files from another.
func modifiedAll(opener privilege.Opener, names []string) string {
	var b strings.Builder
	for _, name := range names {
		if info, err := opener.Stat(name); err == nil {
			b.WriteString(strconv.FormatInt(info.ModTime().UnixNano(), 36) + " " + strconv.FormatInt(info.Size(), 36))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
