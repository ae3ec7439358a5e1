package access

import (
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

func TestSSL(t *testing.T) {
	ssl, verified := &req{Kind: settings.RequireSSL}, &req{Kind: settings.RequireVerified}
	good, unknown := &exchange.TLS{Verified: "SUCCESS"}, &exchange.TLS{Verified: "FAILED:self-signed certificate"}
	for _, test := range []struct {
		rule     string
		require  *req
		required bool // SSLRequireSSL
		tls      *exchange.TLS
		in       bool
	}{
		{"nothing, in clear", nil, false, nil, true},
		{"SSLRequireSSL, in clear", nil, true, nil, false},
		{"SSLRequireSSL", nil, true, unknown, true},
		{"SSLRequireSSL does not open", &req{Kind: settings.RequireDenied}, true, good, false},
		{"Require ssl, in clear", ssl, false, nil, false},
		{"Require ssl", ssl, false, unknown, true},
		{"Require ssl-verify-client, in clear", verified, false, nil, false},
		{"Require ssl-verify-client, of somebody unknown", verified, false, unknown, false},
		{"Require ssl-verify-client", verified, false, good, true},
	} {
		x := visit("10.0.0.9", settings.Access{Require: test.require})
		x.Settings.SSL.Required, x.Client.TLS = test.required, test.tls
		refusal := checker.Check(x)
		if (refusal == nil) != test.in || refusal != nil && refusal.Status != 403 {
			t.Errorf("%s: %v", test.rule, refusal)
		}
	}
}
