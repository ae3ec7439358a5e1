package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/mistake"
)

// tlsFileRows are the directives that name certificates and keys.
var tlsFileRows = []row{
	{"SSLCertificateFile", topLevels, one, "SSL Server Certificate file ('/path/to/file' - PEM or DER encoded)", sslFile(func(t *tlsSettings, f fileSetting) { t.files.certs = append(t.files.certs, f) }),
		"The certificate, with its issuers. Several, for RSA and ECDSA. Looked at for changes every 5 s.", "TestTLS"},
	{"SSLCertificateKeyFile", topLevels, one, "SSL Server Private Key file ('/path/to/file' - PEM or DER encoded)", sslFile(func(t *tlsSettings, f fileSetting) { t.files.keys = append(t.files.keys, f) }),
		"Its key; without one it is looked for in SSLCertificateFile. An encrypted key is an error.", "TestTLS"},
	{"SSLCertificateChainFile", topLevels, one, "SSL Server CA Certificate Chain file ('/path/to/file' - PEM encoded)", sslFile(func(t *tlsSettings, f fileSetting) { t.files.chain = &f }),
		"The certificates of its issuers.", "TestTLS"},
	{"SSLSessionTickets", topLevels, flag, "", sslTickets, "Whether clients keep their sessions, encrypted; without, SSLSessionCache does.", "web/handshake TestSessionsAreResumed"},
	{"SSLSessionCache", inServer, one, "SSL Session Cache storage ('none', 'nonenotnull', 'dbm:/path/to/file')", sslSessionCache, "How many bytes of sessions are kept where clients get no tickets; of whatever kind, they are in the memory of this process.", "web/handshake TestSessionsAreResumed"},
	{"SSLSessionTicketKeyFile", topLevels, one, "TLS session ticket encryption/decryption key file (RFC 5077) ('/path/to/file' - file with 48 bytes of random data)",
		sslFile(func(t *tlsSettings, f fileSetting) { t.session.key = &f }), "A key for the tickets of sessions that several servers share.", "web/handshake TestSessionsAreResumed"},
	{"SSLSessionCacheTimeout", topLevels, one, "SSL Session Cache object lifetime ('N' - number of seconds)", sslSessionTimeout, "How long a session can be resumed.", "web/handshake TestSessionsAreResumed"},
}

// A fileSetting is a file that a directive names.
type fileSetting struct {
	name string // absolute
	at   *httpdconf.Directive
}

// tlsFiles are the certificates of a scope.
type tlsFiles struct {
	certs, keys []fileSetting // in order: one belongs to the other
	chain       *fileSetting
}

// tlsSession is how sessions of a scope are resumed.
type tlsSession struct {
	tickets *bool
	key     *fileSetting
	life    *int // in seconds
	cache   int  // in bytes, of the main server only
}

// sslFile returns what reads a directive that names a file, which must be
// there and hold something.
//
// Source: httpd modules/ssl/ssl_engine_config.c, ssl_cmd_check_file.
func sslFile(set func(*tlsSettings, fileSetting)) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		if strings.HasPrefix(arg(d, 0), "pkcs11:") || strings.HasPrefix(arg(d, 0), "engine:") {
			l.fail(d, at(d, 0), d.Name+": a key in a token or engine cannot be used", "name a file")
			return
		}
		f := fileSetting{l.inRoot(arg(d, 0)), d}
		info, err := l.o.Opener.Stat(f.name)
		switch {
		case l.o.Unprivileged && errors.Is(err, fs.ErrPermission):
			l.unchecked(at(d, 0), f.name, d.Name)
		case err != nil || info.IsDir() || info.Size() == 0:
			fix := "correct the path, or make the file"
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				fix = err.Error()
			}
			l.fail(d, at(d, 0), d.Name+": file '"+f.name+"' does not exist or is empty", fix)
			p.scope.tls.broken = true
			return
		}
		set(&p.scope.tls, f)
	}
}

// sslFolder likewise of a folder.
func sslFolder(set func(*tlsSettings, fileSetting)) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		f := fileSetting{l.inRoot(arg(d, 0)), d}
		info, err := l.o.Opener.Stat(f.name)
		switch {
		case l.o.Unprivileged && errors.Is(err, fs.ErrPermission):
			l.unchecked(at(d, 0), f.name, d.Name)
		case err != nil || !info.IsDir():
			l.fail(d, at(d, 0), d.Name+": directory '"+f.name+"' does not exist", "correct the path, or make the folder")
			return
		}
		set(&p.scope.tls, f)
	}
}

func sslTickets(l *loader, p place, d *httpdconf.Directive) {
	if on, ok := l.flag(d); ok {
		p.scope.tls.session.tickets = &on
	}
}

// caches are the kinds of SSLSessionCache.
var caches = []string{"shmcb", "dbm", "dc", "memcache", "redis", "default"}

// cacheSize is that of a cache that names none.
const cacheSize = 512 << 10

// sslSessionCache reads SSLSessionCache: none, or KIND:WHERE(BYTES).
//
// Source: httpd modules/ssl/ssl_engine_config.c, ssl_cmd_SSLSessionCache;
// modules/cache/mod_socache_shmcb.c, socache_shmcb_create.
func sslSessionCache(l *loader, _ place, d *httpdconf.Directive) {
	kind, where, _ := strings.Cut(arg(d, 0), ":")
	switch {
	case strings.EqualFold(kind, "none"), strings.EqualFold(kind, "nonenotnull"):
		l.main.tls.session.cache = 0
		return
	case !slices.Contains(caches, kind):
		l.fail(d, at(d, 0), "SSLSessionCache: '"+kind+"' session cache not supported", "write shmcb:logs/ssl_scache(512000), or none")
		return
	}
	l.main.tls.session.cache = cacheSize
	if _, text, ok := strings.Cut(where, "("); ok && kind == "shmcb" {
		n, digits := leadingNumber(text)
		if digits == 0 || text[digits:] != ")" || n < 8192 {
			l.fail(d, at(d, 0), "SSLSessionCache: Invalid argument: size has to be >= 8192 bytes", "write shmcb:logs/ssl_scache(512000)")
			return
		}
		l.main.tls.session.cache = n
	}
}

func sslSessionTimeout(l *loader, p place, d *httpdconf.Directive) {
	n, digits := leadingNumber(arg(d, 0))
	if strings.HasPrefix(arg(d, 0), "-") {
		l.fail(d, at(d, 0), "SSLSessionCacheTimeout: Invalid argument", "write a number of seconds")
		return
	}
	if digits != len(arg(d, 0)) {
		l.warn(d, at(d, 0), fmt.Sprintf("SSLSessionCacheTimeout %s: not a number of seconds; %d is taken, as in httpd", arg(d, 0), n), "write a number")
	}
	p.scope.tls.session.life = &n
}

// leadingNumber reads what C's atoi does of a number that is not negative, and
// how many digits that are.
func leadingNumber(text string) (n, digits int) {
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' && digits < 9 {
		n = n*10 + int(text[digits]-'0')
		digits++
	}
	return n, digits
}

// keyOf is the file with the key of certificate i.
//
// Source: httpd modules/ssl/ssl_engine_init.c, ssl_init_server_certs.
func (t *tlsFiles) keyOf(i int) fileSetting {
	if i < len(t.keys) {
		return t.keys[i]
	}
	return t.certs[i]
}

// over is t with what is inherited before it.
func (t tlsFiles) over(main tlsFiles) tlsFiles {
	merged := tlsFiles{certs: slices.Concat(main.certs, t.certs), keys: slices.Concat(main.keys, t.keys), chain: main.chain}
	if t.chain != nil {
		merged.chain = t.chain
	}
	return merged
}

// fault is what is wrong with a file, to be told at its directive.
type fault struct {
	at   *httpdconf.Directive
	name string // of the file, if it cannot be opened
	err  error  // why it cannot
	text string
	code string
	fix  string
	warn bool
}

func (f fault) Error() string {
	text := f.text
	if f.fix != "" {
		text += ": " + f.fix
	}
	return text
}

// tell reports faults, each once.
func (l *loader) tell(faults []fault) {
	for _, f := range faults {
		key := line(f.at) + f.text
		if l.tls.told[key] {
			continue
		}
		l.tls.told[key] = true
		switch {
		case f.err != nil && l.o.Unprivileged && errors.Is(f.err, fs.ErrPermission):
			l.unchecked(at(f.at, 0), f.name, f.at.Name)
		case f.warn:
			l.say(f.at, at(f.at, 0), mistake.Warning, f.text, f.fix, f.code)
		default:
			l.say(f.at, at(f.at, 0), mistake.Error, f.text, f.fix, f.code)
		}
	}
}
