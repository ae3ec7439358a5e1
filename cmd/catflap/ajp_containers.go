package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/worker"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/internal/probe"
)

// containers are the flags that say whom to talk to.
type containers struct {
	command *cobra.Command
	files   files
	secret  string
	all     bool
	reply   time.Duration
}

func (k *containers) register(c *cobra.Command) {
	k.command = c
	k.files.register(c)
	c.Flags().StringVar(&k.secret, "secret", "", "the secret, in place of that of the files")
	c.Flags().BoolVar(&k.all, "all", false, "all workers of the files")
	c.Flags().DurationVar(&k.reply, "timeout", 10*time.Second, "how long an answer may take")
}

// A named is a container with the name of its worker.
type named struct {
	name string
	probe.Container
}

// choose returns the containers that names mean: of a worker, of all members
// of a balancer, at an address, or all.
func (k *containers) choose(names []string) ([]named, error) {
	isAddress := len(names) == 1 && strings.Contains(names[0], ":")
	cfg, err := k.load(isAddress)
	if err != nil {
		return nil, err
	}
	var workers []worker.Config
	if cfg != nil {
		for _, w := range cfg.Workers.AJP {
			workers = append(workers, w.Filled())
		}
	}
	var wanted []string
	switch {
	case k.all:
		for _, w := range workers {
			wanted = append(wanted, w.Name)
		}
	case isAddress:
		if _, _, err := net.SplitHostPort(names[0]); err != nil {
			return nil, &usageError{k.command, fmt.Errorf("%s: not HOST:PORT", names[0])}
		}
		return []named{k.at(names[0], workers)}, nil
	case len(names) == 1:
		wanted = membersOf(cfg, names[0])
	}
	var chosen []named
	for _, name := range wanted {
		i := slices.IndexFunc(workers, func(w worker.Config) bool { return w.Name == name })
		if i < 0 {
			return nil, failed("no worker %q in the files%s", name, hint(name, workers))
		}
		chosen = append(chosen, k.of(workers[i]))
	}
	if len(chosen) == 0 {
		return nil, failed("the files have no ajp13 workers")
	}
	return chosen, nil
}

// hint names the workers that there are.
func hint(name string, workers []worker.Config) string {
	var all []string
	for _, w := range workers {
		all = append(all, w.Name)
	}
	if near := mistake.Nearest(name, all); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return "; an address is written HOST:PORT"
}

// load loads the files. For an address they are of use, and need not be there.
func (k *containers) load(isAddress bool) (*front.Config, error) {
	if isAddress && k.files.file == "" {
		if _, err := k.files.find(privilege.Direct{}); err != nil {
			return nil, nil
		}
	}
	cfg, _, err := k.files.load(k.command)
	return cfg, err
}

// membersOf are the workers that a name means.
func membersOf(cfg *front.Config, name string) []string {
	for _, b := range cfg.Workers.Balancers {
		if b.Name == name {
			var members []string
			for _, m := range b.Members {
				members = append(members, m.Worker)
			}
			return members
		}
	}
	return []string{name}
}

// at is the container at an address, with the secret of a worker there.
func (k *containers) at(address string, workers []worker.Config) named {
	for _, w := range workers {
		if addressOf(w) == address {
			return k.of(w)
		}
	}
	return named{"", probe.Container{Address: address, Secret: k.secret, Reply: k.reply}}
}

// of is the container of a worker.
func (k *containers) of(w worker.Config) named {
	c := probe.Container{
		Address: addressOf(w), Secret: w.Secret, Packet: w.MaxPacket, Source: w.Socket.Source,
		Connect: w.Socket.ConnectTimeout, Pong: w.Ping.Timeout, Reply: k.reply,
	}
	if k.command.Flags().Changed("secret") {
		c.Secret = k.secret
	}
	return named{w.Name, c}
}
