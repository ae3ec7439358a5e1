package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/front/balancer"
)

// TestDumpAndLabels: what the status page shows of the files: properties as
// mod_jk dumps them, but no secret, and the hosts as it names them.
func TestDumpAndLabels(t *testing.T) {
	cfg, report := load(write(t, map[string]string{
		"httpd.conf": "ServerName main.example:8080\nListen 8080\nJkWorkerProperty worker.lb.retries=4\nJkWorkersFile w\n" +
			"<VirtualHost *:8080>\nServerName one.example\n</VirtualHost>\n<VirtualHost [::1]:8080>\nServerName two.example:81\n</VirtualHost>\n" +
			"<VirtualHost _default_:*>\n</VirtualHost>\n<VirtualHost 127.0.0.1>\nServerName four.example\n</VirtualHost>\n",
		"w": "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=a,b\nworker.lb.lock=pess\nmysecret=x1\nworker.a.secret=$(mysecret)\nworker.a.port=1\n" +
			"worker.b.secretkey=x2\nworker.b.port=0\n",
	}))
	if cfg == nil {
		t.Fatalf("%v", report.Mistakes)
	}
	var dump, labels []string
	for _, p := range cfg.Workers.Dump {
		if p.Key == "ServerRoot" {
			p.Value = "here"
		}
		dump = append(dump, p.Key+"="+p.Value)
	}
	want := strings.Fields("worker.lb.retries=4 ServerRoot=here worker.list=lb worker.lb.type=lb worker.lb.balance_workers=a,b worker.lb.lock=pess worker.a.port=1 worker.b.port=0")
	if diff := cmp.Diff(want, dump); diff != "" {
		t.Errorf("dump (-want +got):\n%s", diff)
	}
	for _, s := range cfg.Sites {
		labels = append(labels, s.Label)
	}
	if diff := cmp.Diff([]string{"main.example:8080", "one.example [*:8080]", "two.example [::1:8080]", "main.example [_default_]", "four.example [127.0.0.1]"}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	lb := cfg.Workers.Balancers[0]
	if lb.Lock != balancer.Pessimistic || lb.Members[1].Activation != balancer.Stopped || lb.Members[0].Activation != balancer.Active {
		t.Errorf("%+v", lb)
	}
	for _, w := range cfg.Workers.AJP {
		if _, kept := w.Lines["secret"]; kept || w.Lines["port"] == "" {
			t.Errorf("lines of %s: %v", w.Name, w.Lines)
		}
	}
}
