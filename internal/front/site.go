package front

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/catflap/catflap/internal/front/canonical"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/forward"
	"github.com/catflap/catflap/internal/front/module/access"
	"github.com/catflap/catflap/internal/front/module/env"
	"github.com/catflap/catflap/internal/front/module/headers"
	"github.com/catflap/catflap/internal/front/module/refuse"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/web/listener"
	"github.com/catflap/catflap/internal/web/static"
)

// A site is one virtual host at work: the stations that its requests pass.
// It is immutable but for the mounts of its JkMountFile.
type site struct {
	exchange  *exchange.Site
	limits    Limits
	resolver  *vhost.Resolver
	slashes   canonical.Slashes
	early     []settings.HeaderOp
	envIf     []settings.EnvRule
	translate atomic.Pointer[translate.Translator]
	files     *static.Files
	forward   *forward.Station
	access    *access.Checker
	server    []string // the Server header
	refusals  [][]settings.Refusal
	log       *slog.Logger // its ErrorLog
	written   []accessLog
	line      *line // of which it is one
	way       listener.Way
	strictSNI bool // SSLStrictSNIVHostCheck
}

// enter sets the path of x, and the environment that it has before anything
// else is decided.
func (s *site) enter(x *exchange.Exchange, target string) (err error) {
	x.Request.Path, err = s.slashes.Parse(target)
	headers.Request(x, s.early)
	env.Judge(x, s.envIf)
	return err
}

// aim sets the Target of x for its path, and the settings that hold for it.
func (s *site) aim(x *exchange.Exchange) {
	x.Target = s.translate.Load().Translate(x)
	s.settle(x)
}

// settle sets the settings for the Target of x.
func (s *site) settle(x *exchange.Exchange) {
	url, filename, folder := s.looked(x)
	if filename != "" {
		x.Response.File = filename
	}
	x.Settings = s.resolver.Settings(url, filename, folder)
}

// looked is what sections look at. <Directory> and <Files> apply to files
// only; what goes to a worker is judged by the path that its rule was found
// with, so that a path parameter cannot lead past a <Location>.
func (s *site) looked(x *exchange.Exchange) (url, filename string, folder bool) {
	if x.Target.Kind != exchange.TargetStatic {
		return x.Request.Path.Mount, "", false
	}
	filename = path.Join(x.Target.Root, x.Target.File)
	if strings.HasSuffix(x.Request.Path.Decoded, "/") && filename != "/" {
		filename += "/"
	}
	return x.Request.Path.Decoded, filename, s.resolver.MindsFolder(filename) && s.files.IsFolder(x)
}

// answer brings x to its Target and runs it. The path of x is set.
func (s *site) answer(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	s.aim(x)
	env.Judge(x, x.Settings.EnvIf)
	if refusal := s.refused(x); refusal != nil {
		return refusal
	}
	if x.Body.Length() != 0 {
		x.Body = x.Body.Limited(x.Settings.BodyLimit)
	}
	if x.Settings.Closed != nil || !redirectedFirst(x) {
		if refusal := s.permit(x); refusal != nil {
			return refusal
		}
	}
	redirect(x)
	if x.Target.Kind == exchange.TargetStatic && strings.HasSuffix(x.Request.Path.Decoded, "/") && len(x.Settings.Index.Names) > 0 {
		if err := s.index(w, x); err != nil {
			return err
		}
		redirect(x)
	}
	return s.run(w, r, x)
}

// refused returns the refusal of a rule that comes before anything else.
func (s *site) refused(x *exchange.Exchange) *exchange.Refusal {
	for _, rules := range s.refusals {
		if refusal := refuse.Check(x, rules); refusal != nil {
			return refusal
		}
	}
	return nil
}

// permit lets x in, or returns the refusal: of the access rules, then of what
// sections say about rewriting.
func (s *site) permit(x *exchange.Exchange) *exchange.Refusal {
	if refusal := s.access.Check(x); refusal != nil {
		return refusal
	}
	return refuse.Check(x, x.Settings.Refusals)
}

// permitOther is permit for a path that was not asked for, such as that of an
// index: the rules of the site are for it, too.
func (s *site) permitOther(x *exchange.Exchange) *exchange.Refusal {
	if refusal := s.refused(x); refusal != nil {
		return refusal
	}
	return s.permit(x)
}

// redirectedFirst reports whether x is answered before access control: by a
// redirect of the server level, or of a <Location> as a whole.
//
// Source: httpd modules/mappers/mod_alias.c, translate_alias_redir, as seen at
// work.
func redirectedFirst(x *exchange.Exchange) bool {
	if x.Target.Kind == exchange.TargetRespond {
		return true
	}
	return slices.ContainsFunc(x.Settings.Redirects, func(r settings.Redirect) bool { return r.First })
}

// redirect lets the redirects of the sections around x take its Target's
// place.
func redirect(x *exchange.Exchange) {
	if len(x.Settings.Redirects) == 0 {
		return
	}
	if target, ok := translate.Redirect(x, x.Settings.Redirects); ok {
		x.Target = target
	}
}

// run lets the Target of x answer.
func (s *site) run(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	if x.Request.Method == http.MethodTrace && x.Target.Kind != exchange.TargetRespond {
		return trace(w, r, x)
	}
	if x.Target.Kind != exchange.TargetRespond {
		env.Set(x, x.Settings.Env)
		if x.Settings.Headers != nil {
			headers.Request(x, x.Settings.Headers.Request)
		}
	}
	switch x.Target.Kind {
	case exchange.TargetForward:
		if len(x.Env) > 0 && translate.Unmapped(x) { // by a variable of a section
			return &exchange.Refusal{Status: http.StatusNotFound, Code: "AH00128", Log: "no-jk is set, and no file is looked for: " + x.Request.Path.Mount, Level: "info", Module: "core"}
		}
		return s.forward.Forward(w, r, x)
	case exchange.TargetRespond:
		if x.Target.Location != "" {
			w.Header().Set("Location", x.Target.Location)
		}
		return &exchange.Refusal{Status: x.Target.Status}
	}
	if limit := x.Settings.BodyLimit; limit > 0 && x.Body.Length() > limit {
		return &exchange.Refusal{Status: http.StatusRequestEntityTooLarge, Code: "AH01588", Level: "error", Module: "core",
			Log: fmt.Sprintf("Requested content-length of %d is larger than the configured limit of %d", x.Body.Length(), limit)}
	}
	if err := discard(w, x); err != nil {
		return err
	}
	err := s.files.Serve(w, r, x)
	if listing, ok := errors.AsType[*static.Listing](err); ok {
		s.files.List(w, x, s.listed(x, listing.Entries))
		return nil
	}
	if variants, ok := errors.AsType[*static.Variants](err); ok {
		name, err := s.choose(w, x, variants)
		if err != nil {
			return err
		}
		return s.chosen(w, r, x, name)
	}
	return err
}

// choose chooses one of the variants that the client of x may have.
func (s *site) choose(w http.ResponseWriter, x *exchange.Exchange, v *static.Variants) (name string, err error) {
	admits := s.access.Judge(x)
	url, folder := x.Request.Path.Decoded, path.Dir(path.Join(x.Target.Root, x.Target.File))
	url = url[:strings.LastIndexByte(url, '/')+1]
	open := slices.DeleteFunc(slices.Clone(v.All), func(v static.Variant) bool {
		return !admits(s.resolver.Settings(url+v.Name, path.Join(folder, v.Name), false))
	})
	if len(open) == 0 {
		return "", v.Missing
	}
	return s.files.Choose(w, x, open)
}

// listed returns the entries of the folder x that its client may see.
//
// Source: httpd modules/generators/mod_autoindex.c, make_autoindex_entry.
func (s *site) listed(x *exchange.Exchange, entries []static.Entry) []static.Entry {
	admits := s.access.Judge(x)
	filename, seen := path.Join(x.Target.Root, x.Target.File), entries[:0]
	for _, e := range entries {
		name := e.Name
		if e.Folder {
			name += "/"
		}
		if admits(s.resolver.Settings(x.Request.Path.Decoded+name, filename+"/"+name, e.Folder)) {
			seen = append(seen, e)
		}
	}
	return seen
}

// chosen goes on with the file that MultiViews chose; it goes through
// translate again, since it may be mounted.
func (s *site) chosen(w http.ResponseWriter, r *http.Request, x *exchange.Exchange, name string) error {
	encoded := x.Request.Path.Encoded
	found, err := canonical.Parse(encoded[:strings.LastIndexByte(encoded, '/')+1] + exchange.EscapePath(name))
	if err != nil {
		return err
	}
	x.Request.Path = found
	s.aim(x)
	if refusal := s.permitOther(x); refusal != nil {
		return refusal
	}
	if x.Target.Kind == exchange.TargetForward {
		return s.forward.Forward(w, r, x)
	}
	return s.files.Serve(w, r, x)
}
