package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
)

// servingUser returns as whom another process than this one shall serve; nil
// if this one shall itself.
func servingUser(cfg *front.Config) (*privilege.User, error) {
	switch {
	case os.Geteuid() != 0:
		return nil, nil
	case cfg.Process.User == "":
		complain(errors.New("warning: serving as root, because the configuration names no User"))
		return nil, nil
	}
	user, err := privilege.LookupUser(cfg.Process.User, cfg.Process.Group)
	if err != nil {
		return nil, err
	}
	if user.UID == 0 {
		complain(fmt.Errorf("warning: serving as root, because the configuration says User %s", cfg.Process.User))
		return nil, nil
	}
	return &user, nil
}

// asParent keeps the rights of root, and lets another process serve. Names are
// what the configuration names, found what was needed to find it.
func (s *serving) asParent(user privilege.User, f files, options config.Options, names, found privilege.Names, signals <-chan os.Signal) error {
	reload := func(opener privilege.Opener) privilege.Names {
		again, recorder := options, privilege.Record(opener)
		again.Opener = recorder
		cfg, _ := load(again) // the child tells the mistakes
		all := recorder.Names().And(found)
		if cfg == nil {
			return all
		}
		return all.And(cfg.Names())
	}
	code, err := privilege.New(privilege.Config{
		User: user, Args: append([]string{os.Args[0]}, append(f.serveArgs(), s.beside.serveArgs()...)...), Began: s.began, Names: names, Load: reload, Report: systemd{}.Report, Complain: complain,
		StopTime: drainTime + drainTime/2,
	}).Run(signals)
	switch {
	case err != nil:
		return &exitError{code, "catflap: " + err.Error()}
	case code != 0:
		return &exitError{code: code}
	}
	return nil
}

// asChild serves with the rights of this process; what it may not open its
// parent does, which has checked the files already.
func (s *serving) asChild(child *privilege.Child, f files) error {
	signal.Ignore(controlSignals...) // the parent takes them
	signals := make(chan os.Signal, 8)
	go child.Orders(signals)
	s.host, s.began = child, child.Began()
	options, err := s.options(child, f)
	if err != nil {
		return err
	}
	cfg, report := load(options)
	if cfg == nil {
		tellMistakes(os.Stderr, report)
		return unstarted(report)
	}
	return s.run(cfg, report, options, signals)
}
