package front

import (
	"errors"
	"net/http"
	"strings"

	"github.com/catflap/catflap/internal/front/canonical"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/web/static"
)

// index looks for the DirectoryIndex of the directory that x asks for. Each
// name goes through translate, settings and access control like a request of
// its own. The first that is a file here wins, and goes to its worker if it is
// mounted; one that is a redirect, or a folder without its slash, wins, too.
// If none does, one that may not be had is the answer; else, if some are
// mounted, the directory's own path goes to the worker of the last of them.
// Otherwise x stays as it is.
//
// Source: httpd modules/mappers/mod_dir.c, fixup_dir; mod_jk as seen at work.
func (s *site) index(w http.ResponseWriter, x *exchange.Exchange) error {
	if kind, _ := s.files.Kind(x); kind != static.KindDirectory {
		return nil
	}
	asked, directory, settled := x.Request.Path, x.Target, x.Settings
	var rule *exchange.Rule
	var last error // of a name that may not be had
	for _, name := range settled.Index.Names {
		c := s.candidate(w, x, asked, name)
		if c.wins {
			return nil
		}
		if c.rule != nil {
			rule = c.rule
		}
		if c.err != nil {
			last = c.err
		}
	}
	x.Request.Path, x.Target = asked, directory
	s.settle(x)
	if last != nil || rule == nil {
		return last
	}
	x.Target = exchange.Target{Kind: exchange.TargetForward, Rule: rule}
	s.settle(x)
	if refusal := s.permitOther(x); refusal != nil {
		return refusal
	}
	return nil
}

// A candidate is what became of one name of a DirectoryIndex.
type candidate struct {
	wins bool           // x has its path, Target and settings
	rule *exchange.Rule // it is mounted, and no file here
	err  error          // it may not be had
}

// candidate tries one name for the directory at asked.
func (s *site) candidate(w http.ResponseWriter, x *exchange.Exchange, asked exchange.Path, name string) candidate {
	if !strings.HasPrefix(name, "/") {
		name = asked.Encoded + exchange.EscapePath(name)
	}
	found, err := canonical.Parse(name)
	if err != nil {
		return candidate{err: notMissing(err)}
	}
	x.Request.Path = found
	translator := s.translate.Load()
	x.Target = translator.Translate(x)
	switch {
	case x.Target.Kind == exchange.TargetRespond && x.Target.Location != "":
		return candidate{wins: true}
	case x.Target.Kind == exchange.TargetRespond:
		return candidate{err: notMissing(&exchange.Refusal{Status: x.Target.Status})}
	}
	s.settle(x)
	if !redirectedFirst(x) {
		if refusal := s.permitOther(x); refusal != nil {
			return candidate{err: refusal}
		}
	}
	if redirect(x); x.Target.Kind == exchange.TargetRespond && x.Target.Location != "" {
		return candidate{wins: true}
	}
	forward := x.Target
	if forward.Kind == exchange.TargetForward {
		x.Target = translator.File(found.Decoded)
		s.settle(x)
	}
	kind, err := s.files.Kind(x)
	switch {
	case forward.Kind == exchange.TargetForward && kind != static.KindFile:
		return candidate{rule: forward.Rule}
	case forward.Kind == exchange.TargetForward:
		x.Target = forward
		s.settle(x)
		return candidate{wins: true}
	case kind == static.KindFile, kind == static.KindDirectory && !strings.HasSuffix(found.Decoded, "/") && x.Settings.Index.Slash:
		return candidate{wins: true}
	}
	if v := s.files.Variants(x); kind == static.KindMissing && err == nil && v != nil {
		return s.variant(w, x, asked, v)
	}
	return candidate{err: notMissing(err)}
}

// variant tries what MultiViews chooses for a name that is not there.
func (s *site) variant(w http.ResponseWriter, x *exchange.Exchange, asked exchange.Path, v *static.Variants) candidate {
	chosen, err := s.choose(w, x, v)
	if err != nil {
		return candidate{err: notMissing(err)}
	}
	encoded := x.Request.Path.Encoded
	c := s.candidate(w, x, asked, encoded[:strings.LastIndexByte(encoded, '/')+1]+exchange.EscapePath(chosen))
	if !c.wins {
		for _, name := range []string{"Vary", "TCN", "Content-Location"} {
			w.Header().Del(name)
		}
	}
	return c
}

// notMissing is err, unless it says that there is no such thing.
func notMissing(err error) error {
	if refusal, ok := errors.AsType[*exchange.Refusal](err); ok && refusal.Status == http.StatusNotFound {
		return nil
	}
	return err
}
