package worker

import (
	"time"

	"github.com/catflap/catflap/internal/front/overlay"
)

// Config says where one Tomcat is and how patient to be with it. A zero field
// means its default, a negative time waits for ever. Each field names its
// workers.properties key.
type Config struct {
	Name          string        // as in worker.list or balance_workers; required
	Host          string        // host; default "localhost"; a name, IPv4 or IPv6
	Port          int           // port; default 8009; negative: 0 in the file, provisioned later
	Route         string        // route, jvm_route: attribute 06; default Name
	Socket        Socket        // socket_…, source, prefer_ipv6
	Ping          Ping          // ping_mode and its times
	Pool          Pool          // connection_pool_…, connection_acquire_timeout
	Retries       int           // retries: sends, the first included; default 2
	RetryInterval time.Duration // retry_interval, there in ms; default 100 ms
	ReplyTimeout  time.Duration // reply_timeout, there in ms; default: wait for ever
	Recovery      Recovery      // recovery_options
	FailOnStatus  []int         // fail_on_status; negative is soft
	BusyLimit     int           // busy_limit; default none
	MaxPacket     int           // max_packet_size, 8192 to 65536; default 8192
	Secret        string        // secret
	Place         string        // FILE:LINE of the first property of this worker
	Lines         overlay.Lines // its properties as the file has them
}

// Socket is how connections are made.
type Socket struct {
	Source         string        // source: local address
	PreferIPv6     bool          // prefer_ipv6
	KeepAlive      bool          // socket_keepalive
	Buffer         int           // socket_buffer in bytes; default the system's
	Timeout        time.Duration // socket_timeout, there in s: any read or write; default for ever
	ConnectTimeout time.Duration // socket_connect_timeout, there in ms; default 5 s
}

// Ping says when CPING is sent. mod_jk's ping_mode letters: C, P, I; A is all.
type Ping struct {
	Connect  time.Duration // connect_timeout, C: after connecting; default off
	Prepost  time.Duration // prepost_timeout, P: before each request; default off
	Interval time.Duration // connection_ping_interval, I: on idle connections; default off
	Timeout  time.Duration // ping_timeout, there in ms: for I and for repeats; default 2 s
}

// Pool is how connections are kept.
type Pool struct {
	Size           int           // connection_pool_size; default unlimited
	MinSize        int           // connection_pool_minsize: kept when idle ones are closed
	IdleTimeout    time.Duration // connection_pool_timeout, there in s; default 60 s
	AcquireTimeout time.Duration // connection_acquire_timeout, there in ms; default 5 s
}

// Recovery is the bit mask recovery_options.
type Recovery int

const (
	RecoverNotAfterSend    Recovery = 1  // no repeat once the request was sent and no answer came
	RecoverNotAfterHeaders Recovery = 2  // no repeat once headers went to the client; always so here
	RecoverAbortClient     Recovery = 4  // close the container's connection on a client error; always so here
	RecoverHead            Recovery = 8  // HEAD may be repeated
	RecoverGet             Recovery = 16 // GET may be repeated
)
