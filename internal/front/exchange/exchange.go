// Package exchange is the record of one request on its way through the front:
// what the client asked, what was decided, every attempt at a worker and what
// the client got. Each station fills in its part; the access log, the notes
// and the status page only read it.
//
// It is a leaf: it knows no station, only the settings merged for the request.
package exchange

import (
	"net/http"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/settings"
)

// An Exchange belongs to the goroutine that serves the request, until the
// access log has read it.
type Exchange struct {
	Began    time.Time
	Client   *Client            // the connection, shared by its requests
	Site     *Site              // the virtual host that answers; set by vhost
	Request  Request            // what was asked, as canonical path
	Body     *Body              // the request's body; never nil
	Settings *settings.Settings // merged for Path and Target
	Target   Target             // set by translate
	Env      Vars               // httpd's environment variables: no-jk, JK_ROUTE, …
	EnvAsked Vars               // Env as it was before an error page went through translate; nil if none did
	// EnvDoubtful tells that a regular expression took too long to say whether
	// some variable is set.
	EnvDoubtful bool
	Notes       Vars      // httpd's notes: JK_WORKER_NAME, …
	Session     Session   // set by balancer
	Attempts    []Attempt // every try at a worker, in order
	Failure     *Error    // why the worker did not answer; nil if it did
	Response    Response
}

// Request is what the client asked. Its strings are as received unless said
// otherwise.
type Request struct {
	Method     string
	Proto      string // "HTTP/1.1"
	Target     string // the request-target
	Path       Path
	Query      string // without "?"
	Asked      bool   // there was a "?", even with an empty query
	HostHeader string // as received; of an absolute target its host
	Host       string // host of the Host header or absolute target, lower case, without port
	Port       int    // port of it; 0 if it names none
	Header     http.Header
}

// Path is one path in the three shapes that stations need. Package canonical
// makes it, so that all of them mean the same resource.
type Path struct {
	// Decoded is decoded once and normalised, path parameters kept: httpd's
	// r->uri. Sections and files go by it.
	Decoded string
	// Mount is Decoded with the parameters of each segment removed. Mounts
	// go by it.
	Mount string
	// Encoded is Decoded as it goes to a container: unreserved bytes and
	// ~$-_.!+*'(),;:@&=/ as they are, all else %XX; a ";" that was %3B stays
	// %3B, so that it cannot become a parameter.
	Encoded string
}

// Response is what the client got.
type Response struct {
	Status   int         // the final status, 0 if nothing was sent
	Original int         // the status before an error page changed it; 0 if none did
	Header   http.Header // as sent
	Bytes    int64       // of the body, without framing
	Handler  string      // httpd's name: "jakarta-servlet", "default-handler", …
	File     string      // the file behind the request, %f
	Final    string      // the path of the error page that answered, with its query; empty without one
	Aborted  bool        // the client went, or we broke off
	Close    bool        // the connection ends after this response
	Reason   string      // of a refusal, in words for the client; empty to tell none
	First    time.Time   // when the status line was written
}

// Session is what the balancer made of the request's session.
type Session struct {
	Route    string // asked for: the part after the first dot of the id; empty if none
	Sticky   bool   // it went where Route asked
	Answered string // the route of the member that answered last
	Balancer string // name of the lb worker; empty for a worker of its own
	// Activation of the member, as the container is told: ACT, DIS or STP.
	Activation string
	// First and Last are the members that were elected first and last; nil
	// without a balancer.
	First, Last Elected
}

// Elected is a member of a balancer, to tell about.
type Elected interface {
	// Note returns what mod_jk's notes JK_LB_FIRST_… and JK_LB_LAST_… hold,
	// as it is now; false if there is none with that ending.
	Note(ending string) (string, bool)
}

// Note returns a note of x, and whether it is set.
func (x *Exchange) Note(name string) (string, bool) {
	member, ending := x.Session.First, ""
	if rest, ok := strings.CutPrefix(name, "JK_LB_FIRST_"); ok {
		ending = rest
	} else if rest, ok := strings.CutPrefix(name, "JK_LB_LAST_"); ok {
		member, ending = x.Session.Last, rest
	}
	if ending != "" && member != nil {
		return member.Note(ending)
	}
	return x.Notes.Get(name)
}

// URI is the path of x as httpd shows it: decoded, and without path parameters
// if it goes to a worker. It is empty if the request has none that can be
// understood.
func (x *Exchange) URI() string {
	switch {
	case x.Target.Kind == TargetForward:
		return x.Request.Path.Mount
	case x.Request.Path.Decoded != "":
		return x.Request.Path.Decoded
	}
	uri, _, _ := strings.Cut(x.Request.Target, "?")
	return uri
}

// An Attempt is one try at one worker.
type Attempt struct {
	Worker string
	Route  string
	Began  time.Time
	Took   time.Duration
	Err    *Error // nil if it answered
}
