package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/mount"
)

func showMounts() *cobra.Command {
	var u urlFlags
	c := showing{
		name: "mounts", short: "Show which paths go to which worker, or the way of one URL",
		long: `Show the mounts of each host in the order in which they are tried: the first
that matches counts. With --url, show the way of one URL: the host and why it
answers, the rule and what it beats, who may come in, the balancer with its
members, or the file, redirect or refusal that it comes to. Nothing is sent.`,
		example: "  catflap show mounts\n  catflap show mounts --url 'http://www.site.example/app/page.jsp?id=1'\n  catflap show mounts --url http://www.site.example/admin/ --client 10.1.2.3",
		text: func(w io.Writer, cfg *front.Config, r *config.Report) error {
			if u.url != "" {
				way, err := u.explain(cfg)
				if err == nil {
					writeWay(w, cfg, r, way)
				}
				return err
			}
			writeMounts(w, cfg, r)
			return nil
		},
		json: func(cfg *front.Config, r *config.Report) (any, error) {
			if u.url != "" {
				way, err := u.explain(cfg)
				if err != nil {
					return nil, err
				}
				return wayJSON(cfg, way), nil
			}
			return mountsJSON(cfg), nil
		},
	}.command()
	u.register(c)
	return c
}

// writeMounts writes the rules of each host.
func writeMounts(w io.Writer, cfg *front.Config, r *config.Report) {
	for i := range cfg.Sites {
		site := &cfg.Sites[i]
		t := newTable("  ")
		for _, rule := range site.Translate.Mounts.Rules() {
			t.add(patternOf(rule), rule.Worker, placed(r, rule.Place))
		}
		fmt.Fprintf(w, "%s\n", hostTitle(r, site))
		if len(t.rows) == 0 {
			fmt.Fprintln(w, "  no mounts: files only")
		}
		t.write(w, "")
	}
}

// hostTitle names a host with its place.
func hostTitle(r *config.Report, site *front.Site) string {
	if site.Place == "" {
		return fmt.Sprintf("%s:%d (main server)", site.Exchange.Name, site.Exchange.PortOf(false))
	}
	return fmt.Sprintf("%s:%d (%s)", site.Exchange.Name, site.Exchange.PortOf(false), placed(r, site.Place))
}

// placed is FILE:LINE, the file as seen from ServerRoot.
func placed(r *config.Report, place string) string { return within(r.Root, place) }

// patternOf is the pattern of a rule as uriworkermap.properties has it: with
// "!" if it excludes, "-" if it is off.
func patternOf(rule mount.Rule) string {
	text := rule.Pattern
	if rule.Exclude {
		text = "!" + text
	}
	if rule.Disabled {
		text = "-" + text
	}
	return text
}

// ruleText is a rule as it is written.
func ruleText(rule mount.Rule) string {
	switch {
	case rule.Source == mount.WorkerDefinition:
		return "worker." + rule.Worker + ".mount=" + rule.Pattern
	case rule.Source == mount.URIWorkerMap:
		return patternOf(rule) + "=" + rule.Worker
	case rule.Exclude:
		return "JkUnMount " + rule.Pattern + " " + rule.Worker
	}
	return "JkMount " + rule.Pattern + " " + rule.Worker
}

// A mountsObject is what show mounts --json writes.
type mountsObject struct {
	Hosts []hostMountsObject `json:"hosts"`
}

type hostMountsObject struct {
	Host   hostObject   `json:"host"`
	Mounts []ruleObject `json:"mounts"` // in the order in which they are tried
}

type ruleObject struct {
	Pattern  string `json:"pattern"`
	Worker   string `json:"worker"`
	Excludes bool   `json:"excludes,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	Source   string `json:"source"` // "JkMount", "JkMountFile", "mount"
	Place    string `json:"place"`
}

func mountsJSON(cfg *front.Config) mountsObject {
	o := mountsObject{}
	for i := range cfg.Sites {
		h := hostMountsObject{hostJSON(&cfg.Sites[i]), []ruleObject{}}
		for _, rule := range cfg.Sites[i].Translate.Mounts.Rules() {
			h.Mounts = append(h.Mounts, ruleJSON(rule))
		}
		o.Hosts = append(o.Hosts, h)
	}
	return o
}

func ruleJSON(rule mount.Rule) ruleObject {
	source := [...]string{mount.WorkerDefinition: "mount", mount.JkMount: "JkMount", mount.URIWorkerMap: "JkMountFile"}[rule.Source]
	return ruleObject{rule.Pattern, rule.Worker, rule.Exclude, rule.Disabled, source, rule.Place}
}
