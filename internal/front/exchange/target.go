package exchange

import "time"

// A TargetKind tells who answers a request.
type TargetKind int

const (
	TargetStatic  TargetKind = iota // a file, or a directory, of the front
	TargetForward                   // a worker: ajp13, lb or status
	TargetRespond                   // a status of our own, with Location if it is a redirect
)

// A Target is what translate decided: who answers, and with what.
type Target struct {
	Kind     TargetKind
	Rule     *Rule  // TargetForward: the rule that matched
	Root     string // TargetStatic: the absolute directory that File must stay under
	File     string // TargetStatic: path below Root, slash-separated, "" or "." for Root itself
	Status   int    // TargetRespond
	Location string // TargetRespond: absolute URL or path, for 3xx
	Place    string // FILE:LINE of the redirect or alias; empty for DocumentRoot
}

// A Rule is one mount: JkMount, a line of uriworkermap.properties or a mount
// property. It never changes.
type Rule struct {
	Pattern string // begins with "/", may hold * and ?
	Worker  string // name of an ajp13, lb or status worker
	Place   string // FILE:LINE where it is written
	Ext     Extensions
}

// Extensions are the ;name=value settings of a Rule. Nil and zero leave what
// the worker says.
type Extensions struct {
	ReplyTimeout      *time.Duration  // reply_timeout; 0 waits for ever
	StickyIgnore      *bool           // sticky_ignore
	Stateless         *bool           // stateless
	Activation        map[string]byte // member → 'A', 'D' or 'S': active, disabled, stopped
	FailOnStatus      []int           // fail_on_status; negative is soft
	UseServerErrors   int             // use_server_errors; 0 is off
	SessionCookie     string          // session_cookie
	SessionPath       string          // session_path, with its ";"
	SetSessionCookie  *bool           // set_session_cookie
	SessionCookiePath string          // session_cookie_path
}
