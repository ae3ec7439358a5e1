package exchange

import "testing"

// TestAbsolute: URLs of the server itself name the Host of the request; a port
// that it does not name, and the scheme, are those of ServerName.
func TestAbsolute(t *testing.T) {
	for _, test := range []struct {
		rule string
		site Site
		tls  bool
		host string
		port int // of the Host header; 0 if it names none
		want string
	}{
		{"as asked for", Site{Name: "a"}, false, "b", 8080, "http://b:8080/x"},
		{"the standard port", Site{Name: "a"}, false, "b", 0, "http://b/x"},
		{"with TLS", Site{Name: "a"}, true, "b", 0, "https://b/x"},
		{"a port of ServerName", Site{Name: "a", Port: 8443}, false, "b", 0, "http://b:8443/x"},
		{"a port of the Host counts more", Site{Name: "a", Port: 8443}, false, "b", 80, "http://b/x"},
		{"ServerName https://a", Site{Name: "a", HTTPS: true}, false, "b", 0, "https://b/x"},
		{"and a port of the Host", Site{Name: "a", HTTPS: true}, false, "b", 81, "https://b:81/x"},
		{"no Host", Site{Name: "a", Port: 81}, false, "", 0, "http://a:81/x"},
		{"an IPv6 address", Site{}, false, "::1", 81, "http://[::1]:81/x"},
	} {
		x := &Exchange{Client: &Client{}, Site: &test.site, Request: Request{Host: test.host, Port: test.port}}
		if test.tls {
			x.Client.TLS = &TLS{}
		}
		if test.port == 0 {
			x.Request.Port = test.site.PortOf(test.tls)
		}
		if got := x.Absolute("/x"); got != test.want {
			t.Errorf("%s: %s, want %s", test.rule, got, test.want)
		}
	}
	x := &Exchange{}
	if got := x.Absolute("http://other/y"); got != "http://other/y" {
		t.Errorf("an absolute URL becomes %s", got)
	}
}
