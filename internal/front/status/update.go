package status

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/front/worker"
)

// A target is what a command is about.
type target struct {
	name     string
	balancer *Balancer // one of both, or none for a status worker
	worker   *Worker
	members  []int // of balancer, that sw names; nil if it names none
}

// update makes an Update of the parameters for t, or says why it cannot be
// done. Nothing of it is done then; mod_jk does the rest of it.
func (t *target) update(q *params) (Update, error) {
	u := Update{Worker: t.name, Members: map[string][]overlay.Value{}, Workers: map[string][]overlay.Value{}}
	var err error
	switch attribute, all := q.get("att"); {
	case t.worker != nil:
		u.Workers[t.name], err = t.values(q, ofWorker, t.name, "")
	case t.balancer == nil:
		return u, failure("Update failed")
	case t.members != nil:
		for _, i := range t.members {
			name := t.balancer.Members[i].Config.Worker
			ofIt, wrong := t.values(q, ofMember, name, "")
			u.Members[name], err = ofIt, errors.Join(err, wrong)
			ofIt, wrong = t.values(q, ofWorker, name, "")
			u.Workers[name], err = ofIt, errors.Join(err, wrong)
		}
	case all:
		for i := range t.balancer.Members {
			name := t.balancer.Members[i].Config.Worker
			f := fieldOf(attribute)
			ofIt, wrong := t.values(q, f.of, name, fmt.Sprintf("%s=val%d", attribute, i))
			err = errors.Join(err, wrong)
			switch f.of {
			case ofMember:
				u.Members[name] = ofIt
			case ofWorker:
				u.Workers[name] = ofIt
			}
		}
	default:
		u.Balancer, err = t.values(q, ofBalancer, t.name, "")
	}
	if err == nil {
		err = resolved(u, t)
	}
	return u, last(err)
}

// values are the values of the fields of one level. attribute, "vwf=val0",
// says that only that field counts, under another name.
func (t *target) values(q *params, of level, name, attribute string) ([]overlay.Value, error) {
	var all []overlay.Value
	var err error
	only, param, one := strings.Cut(attribute, "=")
	for _, f := range fields {
		if f.of != of || one && (f.param != only || f.single) {
			continue
		}
		if !one {
			param = f.param
		}
		text, there := q.get(param)
		if !there {
			continue
		}
		value, v := f.read(text)
		switch v {
		case taken:
			all = append(all, overlay.Value{Key: f.key, Text: value})
		case tooLong:
			err = errors.Join(err, failuref("new %s '%s' too long for sub worker '%s', see log file for details.", f.called(), text, name))
		case unknown:
			err = errors.Join(err, failuref("new %s '%s' for worker '%s' is none of %s.", f.called(), text, name, strings.Join(f.words, ", ")))
		}
	}
	return all, err
}

// called is what messages call f.
func (f field) called() string {
	if f.told != "" {
		return f.told
	}
	return f.key
}

// resolveTime is how long the names of new hosts may take.
const resolveTime = 5 * time.Second

// resolved checks that each new host has an address.
func resolved(u Update, t *target) error {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	for name, values := range u.Workers {
		for _, v := range values {
			cfg := t.endpoint(name)
			if v.Key != "host" || cfg != nil && cfg.Host == v.Text {
				continue
			}
			if _, err := net.DefaultResolver.LookupHost(ctx, v.Text); err != nil {
				return failuref("could not resolve address '%s:%s' for sub worker '%s'.", v.Text, portOf(values, cfg), name)
			}
		}
	}
	return nil
}

// endpoint returns the settings of an ajp13 worker of t.
func (t *target) endpoint(name string) *worker.Config {
	if t.worker != nil {
		return &t.worker.Config
	}
	for i, m := range t.balancer.Members {
		if m.Config.Worker == name {
			return &t.balancer.Workers[i].Config
		}
	}
	return nil
}

// portOf is the port that goes with a new host.
func portOf(values []overlay.Value, cfg *worker.Config) string {
	for _, v := range values {
		if v.Key == "port" {
			return v.Text
		}
	}
	if cfg == nil {
		return "0"
	}
	return worker.Settings.Shown(cfg, "port")
}

// last is the message of an update that failed; mod_jk tells the last reason.
func last(err error) error {
	if err == nil {
		return nil
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		all := several.Unwrap()
		return last(all[len(all)-1])
	}
	if shared, ok := errors.AsType[*balancer.RouteError](err); ok {
		err = failuref("new route '%s' for sub worker '%s' is that of '%s', too.", shared.Route, shared.Worker, shared.Other)
	}
	if strings.HasPrefix(err.Error(), "Update failed") {
		return err
	}
	return failuref("Update failed (at least partially): %v", err)
}

// matching returns the members whose names match pattern, which may hold *
// and ?.
func (b *Balancer) matching(pattern string) []int {
	var all []int
	pattern = strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(pattern)
	for i, m := range b.Members {
		if ok, err := path.Match(pattern, m.Config.Worker); ok && err == nil {
			all = append(all, i)
		}
	}
	return all
}
