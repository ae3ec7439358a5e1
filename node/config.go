// Package node runs Go web applications as a node of a Tomcat site. What comes
// in are a Config, whose words are those of Tomcat's server.xml, and
// http.Handlers by context path, what goes out is a running node: AJP and HTTP
// connectors, virtual hosts, static files, and sessions that the whole cluster
// has.
//
// Package serverxml makes a Config of a server.xml, New a node of a Config, Run
// runs it.
package node

import (
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/static"
)

// An App is a web application of Go.
type App struct {
	Host string // name of its Host; empty is every Host that has a Context with its Path, or else the default one
	Path string // context path: "/shop"; "" is the root context
	// Handler gets requests with their whole path. session.From gives it the
	// session of each.
	Handler http.Handler
	// LocalSessions keeps the sessions in this process although there is a
	// Cluster. Source: a web.xml without <distributable/>.
	LocalSessions bool
	MaxInactive   time.Duration       // of a new session; default that of its Context
	Listener      func(session.Event) // is told what happens to sessions; nil is nobody
}

// Config is what a server.xml says. serverxml.Load makes one, a program may as
// well. Each field names its element or attribute of Tomcat; a zero field means
// its default.
type Config struct {
	File     string // for messages; may be empty
	Base     string // catalina.base: where relative paths begin; default the working directory
	Shutdown Shutdown
	Services []Service
	Log      *slog.Logger // nil is slog.Default()
}

// A Shutdown is where the node can be told to stop: <Server>.
type Shutdown struct {
	Address string // address; default localhost
	Port    int    // port; 0 and less is none
	Command string // shutdown; default SHUTDOWN
}

// A Service is connectors with the engine that they bring requests to.
type Service struct {
	Name       string
	Connectors []Connector
	Engine     Engine
}

// A Connector is where requests come in: <Connector>.
type Connector struct {
	Line    int    // of File, for messages; 0 is none
	AJP     *AJP   // nil is HTTP/1.1
	TLS     *TLS   // nil is none
	Address string // address; empty is all, of AJP only this machine
	Port    int    // port; 0 takes a free one

	ConnectionTimeout time.Duration // connectionTimeout; less than 0 is none. Tomcat's default is 60 s, that of its stock file 20 s
	KeepAliveTimeout  time.Duration // keepAliveTimeout; default ConnectionTimeout, less than 0 is none
	MaxKeepAlive      int           // maxKeepAliveRequests: of a connection; default 100, 1 is none, less than 0 is no limit
	MaxThreads        int           // maxThreads: requests at once; 0 is no limit
	MaxConnections    int           // maxConnections; default 8192, less than 0 is no limit
	MaxHeaderSize     int           // maxHttpHeaderSize or maxHttpRequestHeaderSize, in bytes; default 8192
	MaxHeaderCount    int           // maxHeaderCount; default 100, less than 0 is no limit
	MaxPostSize       int64         // maxPostSize: bytes of a form; default 2 MiB, less than 0 is no limit

	Scheme    string // scheme; default http, of TLS https
	Secure    bool   // secure: requests count as encrypted, although they do not come by TLS
	ProxyName string // proxyName
	ProxyPort int    // proxyPort
}

// An AJP is what an AJP connector has besides.
type AJP struct {
	Secret            string         // secret
	SecretNotRequired bool           // secretRequired="false"
	AllowedAttributes *regexp.Regexp // allowedRequestAttributesPattern; matches whole names
	PacketSize        int            // packetSize; default 8192
}

// A TLS is what an HTTP connector encrypts with: <SSLHostConfig> with PEM files.
type TLS struct {
	CertificateFile, KeyFile, ChainFile string   // certificateFile, certificateKeyFile, certificateChainFile
	Protocols                           []string // protocols: TLSv1.2, TLSv1.3; default both
}

// An Engine finds the Host of a request: <Engine>.
type Engine struct {
	Name        string        // default Catalina
	DefaultHost string        // defaultHost; has to be one of Hosts
	Route       string        // jvmRoute: ends each session id; may be empty
	Background  time.Duration // backgroundProcessorDelay: how often managers are told that time passes; default 10 s
	Hosts       []Host
	Cluster     *Cluster // nil is none
	AccessLogs  []AccessLog
	Filters     []AddressFilter // each has to let a request in, before those of the Host
	Refuse      string          // why everything is answered 403; empty is not
}

// A Host is a virtual host: <Host>.
type Host struct {
	Line       int // of File, for messages; 0 is none
	Name       string
	Aliases    []string // <Alias>; *.example is one, too
	AppBase    string   // appBase: folder; is made if it is missing; default webapps
	NoDeploy   bool     // deployOnStartup="false": folders in AppBase are no contexts. serverxml.Load has looked, and sets it
	Contexts   []Context
	Cluster    *Cluster // of this Host; nil is the Engine's
	AccessLogs []AccessLog
	Filters    []AddressFilter // each has to let a request in, before those of the Context
	Refuse     string          // why everything is answered 403; empty is not
}

// A Context is a web application: <Context>. Without an App it is a folder of
// static files.
type Context struct {
	Line         int            // of File, for messages; 0 is none
	Path         string         // path: "/shop"; "" is the root context
	DocBase      string         // docBase: folder, from AppBase on; default the name that Path gives
	Cookie       session.Cookie // sessionCookieName, sessionCookiePath, sessionCookieDomain, useHttpOnly
	NoCookies    bool           // cookies="false": the id is in URLs only
	URLRewriting bool           // URLs that an App makes may have the session's id
	MaxInactive  time.Duration  // session-timeout of a web.xml; default 30 minutes, less than 0 is for ever
	Manager      *Manager       // of this Context; nil is the Cluster's

	Filters []AddressFilter // each has to let a request in, also to an App
	Refuse  string          // why everything is answered 403, an App, too; empty is not
	// Guarded is why the files of DocBase are answered 403: its web.xml wants a
	// login or TLS for some of them. Empty is not. It does not hold for an App,
	// which asks for itself.
	Guarded string
}

// An AccessLog is an AccessLogValve.
type AccessLog struct {
	Line           int    // of File, for messages; 0 is none
	Directory      string // directory; default logs, below Base
	Prefix, Suffix string // prefix, suffix; default access_log and none
	DateFormat     string // fileDateFormat, as strftime has it; empty does not rotate
	Pattern        string // pattern; common and combined are names; default common
}

// A Cluster is <Cluster>: one channel for the sessions of an Engine's or a
// Host's applications.
type Cluster struct {
	Line        int            // of File, for messages; 0 is none
	Name        string         // clusterName; default the name of the Engine or Host
	SendOptions tribes.Options // channelSendOptions; default 8, asynchronous
	Manager     Manager        // of each Context that has none of its own
	// Channel is how the group is joined: <Membership>, <Receiver>, <Sender>. Its
	// Interceptors and Log are not used.
	Channel tribes.Config
	// StaticMembers are those of a <Membership> of class StaticMembershipService;
	// nil is multicast.
	StaticMembers []tribes.Member
	Static        static.Config // its times; ChannelName, Members and Log are not used
	Interceptors  []Interceptor // <Interceptor>, the first is nearest to the application; nil is Tomcat's default

	NotReplicated bool   // there is no ReplicationValve: no request is told of
	Filter        string // filter of it: what matches the whole path of requests that are not told of
	NotBound      bool   // there is no JvmRouteBinderValve: ids keep their route
}

// A ManagerKind is how sessions are kept.
type ManagerKind int

// The kinds, by their classes.
const (
	DeltaManager    ManagerKind = iota // every node has every session
	BackupManager                      // one other node has a copy
	StandardManager                    // only this node has them
)

func (k ManagerKind) String() string {
	return [...]string{"DeltaManager", "BackupManager", "StandardManager"}[k]
}

// A Manager is <Manager>. Which fields count depends on the Kind.
type Manager struct {
	Line int // of File, for messages; 0 is none
	Kind ManagerKind

	MaxActive        int    // maxActiveSessions; 0 is no limit
	ExpireRounds     int    // processExpiresFrequency: sessions that nobody uses are looked for each so many Background; default 6
	NameFilter       string // sessionAttributeNameFilter
	ClassFilter      string // sessionAttributeValueClassNameFilter
	RecordAll        bool   // recordAllActions
	ExpireOnShutdown bool   // expireSessionsOnShutdown

	NoReplicatedSessions   bool // notifySessionListenersOnReplication="false"
	NoReplicatedAttributes bool // notifyListenersOnReplication="false"

	// Of a DeltaManager.
	TransferTimeout time.Duration // stateTransferTimeout; default 1 minute, less than 0 is no limit
	TransferLater   bool          // stateTransferTimeout="0": requests do not wait for it
	BatchSize       int           // sendAllSessionsSize, with sendAllSessions="false"; 0 is as many as make a message of 256 KiB, without waiting
	BatchWait       time.Duration // sendAllSessionsWaitTime; default 2 s

	// Of a BackupManager.
	MapSendOptions          tribes.Options // mapSendOptions; default 6
	RPCTimeout              time.Duration  // rpcTimeout; default 15 s
	AccessTimeout           time.Duration  // accessTimeout; default 5 s
	TerminateOnStartFailure bool           // terminateOnStartFailure
}

// An Interceptor is <Interceptor>. Config is one of package
// tribes/interceptor, such as interceptor.GzipConfig; its Base is not used.
type Interceptor struct {
	Line   int // of File, for messages; 0 is none
	Config any
}

// copied returns a copy of cfg, with copies of what a Node looks at while it
// runs.
func copied(cfg *Config) Config {
	own := *cfg
	own.Services = slices.Clone(own.Services)
	for i := range own.Services {
		s := &own.Services[i]
		s.Connectors = slices.Clone(s.Connectors)
		e := &s.Engine
		e.Filters, e.Cluster, e.Hosts = slices.Clone(e.Filters), pointed(e.Cluster), slices.Clone(e.Hosts)
		for j := range e.Hosts {
			h := &e.Hosts[j]
			h.Filters, h.Cluster, h.Contexts = slices.Clone(h.Filters), pointed(h.Cluster), slices.Clone(h.Contexts)
			for k := range h.Contexts {
				c := &h.Contexts[k]
				c.Filters, c.Manager = slices.Clone(c.Filters), pointed(c.Manager)
			}
		}
	}
	return own
}

// pointed returns a copy of what p points to; nil stays nil.
func pointed[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
