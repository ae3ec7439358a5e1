package config

import (
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/mistake"
)

// needless are known directives without which nothing is missing, and why.
var needless = map[string]string{
	"acceptfilter": "the kernel's defaults do", "acceptmutex": "one process needs no mutex", "addicon": "listings are plain",
	"accessfilename": "no .htaccess is read", "bufferedlogs": "logs are written in batches", "coredumpdirectory": "a Go program writes no core",
	"defaultruntimedir": "nothing is kept there", "defaulttype": "without effect since httpd 2.4", "directorycheckhandler": "no handler looks at folders",
	"enablemmap": "files go by sendfile", "enablesendfile": "files go by sendfile", "extendedstatus": "all is counted always",
	"flushmaxpipelined": "pipelining is bounded", "flushmaxthreshold": "buffers are bounded", "limitinternalrecursion": "an ErrorDocument is followed once",
	"limitxmlrequestbody": "no XML is read", "listenbacklog": "the kernel's limit holds", "listencoresbucketsratio": "one process accepts",
	"lockfile": "one process needs no lock", "maxmemfree": "memory is collected", "mutex": "one process needs no mutex", "protocol": "Listen says it",
	"rlimitcpu": "no program is started", "rlimitmem": "no program is started", "rlimitnproc": "no program is started",
	"readbuffersize": "buffers fit", "receivebuffersize": "the kernel's size does", "sendbuffersize": "the kernel's size does",
	"regexdefaultoptions": "its default holds", "scoreboardfile": "one process needs none", "seerequesttail": "logs hold requests whole",
	"mergetrailers": "trailers end here", "threadstacksize": "stacks grow", "suexec": "no program is started", "keptbodysize": "bodies are kept for repeats as needed",
	"cgipassauth": "no program is started", "cgivar": "no program is started", "indexoptions": "listings are plain", "fancyindexing": "listings are plain",
	"indexignore": "listings are plain", "indexignorereset": "listings are plain", "indexorderdefault": "listings are plain", "indexheadinsert": "listings are plain",
	"indexstylesheet": "listings are plain", "headername": "listings are plain", "readmename": "listings are plain", "languagepriority": "variants are chosen by type",
	"forcelanguagepriority": "variants are chosen by type", "cachenegotiateddocs": "it is for HTTP/1.0 caches", "serverpath": "it is for browsers that send no Host",
	"qualifyredirecturl": "its default holds", "asyncrequestworkerfactor": "connections cost no thread", "maxconnectionsperchild": "one process serves all",
	"maxrequestsperchild": "one process serves all", "maxsparethreads": "one process serves all", "minsparethreads": "one process serves all",
	"minspareservers": "one process serves all", "maxspareservers": "one process serves all", "serverlimit": "one process serves all",
	"startservers": "one process serves all", "threadlimit": "one process serves all", "threadsperchild": "one process serves all",
	"hostnamelookups": "addresses are logged and forwarded", "servertokens": "the Server header is catflap", "serversignature": "pages have no footer",
	"listentcpdeferaccept": "the kernel's default does", "rewritelog": "without effect since httpd 2.4", "rewriteloglevel": "without effect since httpd 2.4",
	"jkextractssl": "there is no TLS to tell of",
}

// needlessModules are modules whose directives change nothing here.
var needlessModules = map[string]string{
	"macro": "macros are replaced while reading", "watchdog": "the server looks after itself", "heartmonitor": "no heartbeat is used",
	"dumpio": "it is for debugging", "log_debug": "it is for debugging", "ident": "no one speaks ident", "suexec": "no program is started",
	"cgid": "no program is started", "imagemap": "no image map is served",
}

// restricting are directives that keep somebody out: their scope is closed.
var restricting = map[string]bool{
	"authtype": true, "sslrequiressl": true, "sslrequire": true, "sslverifyclient": true, "<limit": true, "<limitexcept": true,
	"allowmethods": true, "authmerging": false, "authformlogoutlocation": true,
}

// follows says for modules what follows from their directives having no
// effect.
var follows = map[string]string{
	"rewrite": "URLs are not rewritten", "headers": "headers are not changed", "expires": "no Expires is set", "deflate": "nothing is compressed",
	"brotli": "nothing is compressed", "filter": "nothing is filtered", "proxy": "nothing is forwarded by mod_proxy", "setenvif": "the variable is not set",
	"env": "the variable is not set", "ssl": "catflap does not speak TLS yet", "http2": "HTTP/1.1 is spoken", "remoteip": "the peer's address is the client's",
	"reqtimeout": "Timeout bounds each read", "cache": "nothing is cached", "include": "pages are sent as they are", "actions": "files are sent as they are",
	"userdir": "home folders are not served", "speling": "names are not corrected", "vhost_alias": "the folder is DocumentRoot's",
	"status": "there is no server-status", "info": "there is no server-info", "dav": "DAV methods are refused", "usertrack": "no cookie is set",
	"unique_id": "no id is set", "md": "certificates are not fetched", "session": "no session is kept", "substitute": "bodies are not changed",
}

// unhonoured tells what becomes of a known directive that the table does not
// have.
func (l *loader) unhonoured(p place, d *httpdconf.Directive, name string) {
	low := strings.ToLower(name)
	module := modules()[low]
	closing, listed := restricting[low]
	switch {
	case listed && closing:
		if low == "authtype" && strings.EqualFold(arg(d, 0), "none") {
			l.report.Classes[Needless]++
			return
		}
		l.closes(p, d, strings.TrimSpace(d.Name+" "+d.Raw))
	case low == "satisfy":
		if strings.EqualFold(arg(d, 0), "any") {
			l.closes(p, d, "Satisfy Any")
			return
		}
		l.report.Classes[Needless]++
	case low == "rewriterule" && forbids(d):
		l.closesRewrite(p, d)
	case low == "sslengine" && strings.EqualFold(arg(d, 0), "on"):
		p.scope.tls = d
		l.report.Classes[Unsupported]++
		l.say(d, d.Pos, mistake.Unsupported, "SSLEngine on: catflap does not speak TLS yet; so this site is not served at all, and never in clear", "keep httpd in front of it until then", "")
	case needless[low] != "" || needlessModules[module] != "" || strings.HasPrefix(low, "addicon") || strings.HasPrefix(low, "addalt") ||
		low == "adddescription" || low == "defaulticon" || module == "ssl" || module == "auth_basic" || module == "authn_file" || low == "authname":
		l.report.Classes[Needless]++
	default:
		l.report.Classes[Unsupported]++
		l.say(d, d.Pos, mistake.Unsupported, d.Name+" has no effect here"+consequence(module), "", "")
	}
	if d.Section && !(listed && closing) {
		l.walkUnhonoured(p, d)
	}
}

// walkUnhonoured counts what a section without effect holds, and closes p if
// something in it restricts.
func (l *loader) walkUnhonoured(p place, d *httpdconf.Directive) {
	for i := range d.Body {
		inner := &d.Body[i]
		l.report.Directives++
		low := strings.ToLower(inner.Name)
		if restricting[low] || low == "require" || low == "deny" || low == "order" {
			l.closes(p, inner, "<"+d.Name+"> with "+inner.Name)
			return
		}
	}
}

func consequence(module string) string {
	if text := follows[module]; text != "" {
		return ": " + text
	}
	return ": catflap does not know what it does"
}

// forbids reports whether a RewriteRule has the flag F.
func forbids(d *httpdconf.Directive) bool {
	for flag := range strings.SplitSeq(strings.Trim(arg(d, 2), "[]"), ",") {
		if f := strings.TrimSpace(flag); strings.EqualFold(f, "F") || strings.EqualFold(f, "forbidden") {
			return true
		}
	}
	return false
}

// closesRewrite closes the scope of a RewriteRule that forbids.
func (l *loader) closesRewrite(p place, d *httpdconf.Directive) {
	l.closes(p, d, "RewriteRule "+d.Raw)
}

// warningAt is a warning at d, or about the configuration as a whole.
func warningAt(d *httpdconf.Directive, text, fix string) mistake.Mistake {
	m := mistake.Mistake{Severity: mistake.Warning, Text: text, Fix: fix}
	if d != nil {
		m.Pos, m.Line = d.Pos, d.LineAt(d.Pos)
	}
	return m
}
