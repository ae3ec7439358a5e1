package main

import (
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/vhost"
)

func showVirtualHosts() *cobra.Command {
	return showing{
		name: "vhosts", short: "Show the virtual hosts as httpd -S does",
		long: `Show the virtual hosts by address, as httpd -S does: the default of each address
first, each host with its names and where it is written.`,
		example: "  catflap show vhosts -f /etc/httpd/conf/httpd.conf",
		text: func(w io.Writer, cfg *front.Config, r *config.Report) error {
			writeVirtualHosts(w, cfg, r)
			writeRunSettings(w, cfg, r)
			return nil
		},
		json: func(cfg *front.Config, _ *config.Report) (any, error) { return virtualHostsJSON(cfg), nil },
	}.command()
}

// writeVirtualHosts writes the virtual hosts as httpd -S does.
//
// Source: httpd server/vhost.c, dump_a_vhost, as seen at work.
func writeVirtualHosts(w io.Writer, cfg *front.Config, _ *config.Report) {
	fmt.Fprintln(w, "VirtualHost configuration:")
	for _, at := range tableOf(cfg).Listing() {
		first := &cfg.Sites[at.Hosts[0]]
		if len(at.Hosts) == 1 {
			fmt.Fprintf(w, "%-22s %s (%s)\n", at.Address, first.Exchange.Name, absolute(first.Place))
			continue
		}
		fmt.Fprintf(w, "%-22s is a NameVirtualHost\n%8s default server %s (%s)\n", at.Address, "", first.Exchange.Name, absolute(first.Place))
		port := strings.TrimPrefix(at.Address.String()[strings.LastIndexByte(at.Address.String(), ':'):], ":")
		for _, i := range at.Hosts {
			site := &cfg.Sites[i]
			fmt.Fprintf(w, "%8s port %s namevhost %s (%s)\n", "", port, site.Exchange.Name, absolute(site.Place))
			names, patterns := aliases(site)
			for _, name := range names {
				fmt.Fprintf(w, "%16s alias %s\n", "", name)
			}
			for _, pattern := range patterns {
				fmt.Fprintf(w, "%16s wild alias %s\n", "", pattern)
			}
		}
	}
}

// tableOf is the table that chooses among the hosts of cfg.
func tableOf(cfg *front.Config) *vhost.Table {
	var hosts []vhost.Host
	for i := range cfg.Sites {
		hosts = append(hosts, cfg.Sites[i].Host)
	}
	return vhost.NewTable(hosts)
}

// aliases parts the aliases of a site.
func aliases(site *front.Site) (names, patterns []string) {
	for _, alias := range site.Host.Aliases {
		if vhost.Wild(alias) {
			patterns = append(patterns, alias)
		} else {
			names = append(names, alias)
		}
	}
	return names, patterns
}

// absolute makes a place that begins with a relative file begin at the root.
func absolute(place string) string {
	if full, err := filepath.Abs(place); err == nil {
		return full
	}
	return place
}

// A virtualHostsObject is what show vhosts --json writes.
type virtualHostsObject struct {
	Main      hostObject      `json:"main"`
	Addresses []addressObject `json:"addresses"`
}

// An addressObject is one address with its hosts, the default first.
type addressObject struct {
	Address string       `json:"address"`
	Hosts   []hostObject `json:"hosts"`
}

type hostObject struct {
	Name    string   `json:"name"`
	Port    int      `json:"port"`
	Place   string   `json:"place"` // FILE:LINE; empty for the main server
	Aliases []string `json:"aliases"`
}

func virtualHostsJSON(cfg *front.Config) virtualHostsObject {
	o := virtualHostsObject{Main: hostJSON(&cfg.Sites[0]), Addresses: []addressObject{}}
	for _, at := range tableOf(cfg).Listing() {
		a := addressObject{Address: at.Address.String()}
		for _, i := range at.Hosts {
			a.Hosts = append(a.Hosts, hostJSON(&cfg.Sites[i]))
		}
		o.Addresses = append(o.Addresses, a)
	}
	return o
}

func hostJSON(site *front.Site) hostObject {
	return hostObject{site.Exchange.Name, site.Exchange.PortOf(false), site.Place, append([]string{}, site.Host.Aliases...)}
}

// writeRunSettings writes what httpd -S shows after the virtual hosts.
func writeRunSettings(w io.Writer, cfg *front.Config, r *config.Report) {
	fmt.Fprintf(w, "ServerRoot: %q\n", cfg.Process.ServerRoot)
	if root := cfg.Sites[0].Translate.DocumentRoot; root != "" {
		fmt.Fprintf(w, "Main DocumentRoot: %q\n", root)
	}
	fmt.Fprintf(w, "Main ErrorLog: %q\nPidFile: %q\n", cfg.Sites[0].Logs.Error.Name, cfg.Process.PidFile)
	for _, d := range r.Defines {
		if d.Value == "" {
			fmt.Fprintf(w, "Define: %s\n", d.Name)
		} else {
			fmt.Fprintf(w, "Define: %s=%s\n", d.Name, d.Value)
		}
	}
	fmt.Fprintf(w, "User: %s\nGroup: %s\n", idText(cfg.Process.User, userID), idText(cfg.Process.Group, groupID))
}

// idText is a user or group with its number.
func idText(name string, find func(string) (string, error)) string {
	if name == "" {
		name = "#-1"
	}
	id, ok := strings.CutPrefix(name, "#")
	if !ok {
		var err error
		if id, err = find(name); err != nil {
			id = "-1"
		}
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		n = -1
	}
	return fmt.Sprintf("name=%q id=%d", name, uint32(n))
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// writeModules writes the modules as httpd -M does: those that need no
// LoadModule, then those of the file.
func writeModules(w io.Writer, _ *front.Config, r *config.Report) {
	loaded := map[string]bool{}
	for _, m := range r.Modules {
		loaded[m.Name] = true
	}
	fmt.Fprintln(w, "Loaded Modules:")
	for _, name := range config.StaticModules() {
		if !loaded[name] {
			fmt.Fprintf(w, " %s (static)\n", name)
		}
	}
	for _, m := range r.Modules {
		if loaded[m.Name] {
			loaded[m.Name] = false
			fmt.Fprintf(w, " %s (shared)\n", m.Name)
		}
	}
}

// writeIncludes writes the files that were read, as httpd -t -D DUMP_INCLUDES
// does but for their depth.
func writeIncludes(w io.Writer, _ *front.Config, r *config.Report) {
	fmt.Fprintln(w, "Included configuration files:")
	for i, name := range r.Files {
		mark := "   "
		if i == 0 {
			mark = "(*)"
		}
		fmt.Fprintf(w, "  %s %s\n", mark, absolute(name))
	}
}
