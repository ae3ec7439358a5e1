package front

import (
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/canonical"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/htaccess"
	"github.com/catflap/catflap/internal/front/jklog"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/status"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/front/worker"
	"github.com/catflap/catflap/internal/web/accesslog"
	"github.com/catflap/catflap/internal/web/errorlog"
	"github.com/catflap/catflap/internal/web/static"
)

// Config is everything that the files say, checked and resolved. It is never
// changed once built; a reload builds another.
type Config struct {
	Process Process
	Listen  []Listen
	Sites   []Site // Sites[0] is the main server, the rest in file order
	Workers Workers
	Types   static.TypeMap // TypesConfig
}

// Process is what holds for the whole server.
type Process struct {
	ServerRoot        string
	PidFile           string        // absolute
	User, Group       string        // as written; empty if not set
	MaxRequestWorkers int           // requests at once; default 400
	GracefulShutdown  time.Duration // GracefulShutdownTimeout; 0 waits for ever
	ServerTokens      string        // the Server header
	SNIPolicy         SNIPolicy     // SSLVHostSNIPolicy
}

// KeepAlive is how a client's connection is kept.
type KeepAlive struct {
	Off         bool          // KeepAlive Off
	Timeout     time.Duration // KeepAliveTimeout; default 5 s
	MaxRequests int           // MaxKeepAliveRequests; default 100, negative unlimited
}

// Listen is one Listen line.
type Listen struct {
	Address string // IP:port or :port
	Place   string // FILE:LINE
}

// Site is one virtual host with all that is its own.
type Site struct {
	Host      vhost.Host
	Label     string // what the status page calls it: "name:port", "name [address:port]"
	Exchange  exchange.Site
	Sections  vhost.Sections
	Overrides *htaccess.Config     // .htaccess files; nil: they are not read
	Early     []settings.HeaderOp  // RequestHeader … early, in order
	EnvIf     []settings.EnvRule   // SetEnvIf and its kin of the server level, in order
	Refusals  [][]settings.Refusal // of RewriteRule, of ProxyPass
	Slashes   canonical.Slashes    // AllowEncodedSlashes
	Translate translate.Config
	MountFile *MountFile // JkMountFile; nil if it has none
	TLS       *TLS       // nil: in clear
	HTTP2     HTTP2
	Limits    Limits
	Logs      Logs
	Place     string // FILE:LINE of the section; empty for the main server
}

// MountFile is a uriworkermap.properties that is read again when it changes.
type MountFile struct {
	Name     string
	Interval time.Duration // JkMountFileReload; 0 never looks again
	Modified time.Time     // of the file whose rules the site has; zero: as it is when the line begins
	// Read reads the file and returns the site's whole map with its rules,
	// or every mistake in it.
	Read func() (*mount.Map, error)
}

// Limits are what a client may send.
type Limits struct {
	Timeout     time.Duration // Timeout; default 60 s
	Handshake   exchange.Pace // RequestReadTimeout handshake=
	Head        exchange.Pace // header=; of the first host of an address
	Body        exchange.Pace // body=
	KeepAlive   KeepAlive
	RequestLine int // LimitRequestLine in bytes; default 8190
	FieldSize   int // LimitRequestFieldSize in bytes; default 8190
	Fields      int // LimitRequestFields; default 100, negative unlimited
}

// Logs are where a site writes.
type Logs struct {
	Error  ErrorLog
	Access []AccessLog
	JK     JKLog
}

// ErrorLog is ErrorLog and LogLevel.
type ErrorLog struct {
	Name  string // absolute, or a program with its bar
	Level errorlog.Levels
}

// AccessLog is one CustomLog.
type AccessLog struct {
	Name   string // absolute, or a program with its bar
	Format *accesslog.Format
	Env    string // only requests with this variable, or, as !NAME, without it; empty for all
}

// JKLog is JkLogFile and what belongs to it.
type JKLog struct {
	Name    string // absolute, or a program with its bar
	Level   jklog.Level
	Stamp   jklog.Stamp          // JkLogStampFormat
	Request *jklog.RequestFormat // JkRequestLogFormat; nil is off
}

// Workers are all workers that can be mounted or are members.
type Workers struct {
	AJP       []worker.Config
	Balancers []balancer.Config
	Status    []status.Config
	Listed    []string          // worker.list
	Dump      []status.Property // all properties as read, for the status page; no secrets
}
