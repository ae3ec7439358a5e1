package settings

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWith(t *testing.T) {
	off, zero := false, int64(0)
	for _, test := range []struct {
		rule   string
		layers []*Layer
		change func(*Settings)
	}{
		{"nothing", nil, func(*Settings) {}},
		{"an empty layer", []*Layer{{}}, func(*Settings) {}},
		{"Options without signs replace", []*Layer{{Options: &OptionsChange{Replace: true, Set: MultiViews}}},
			func(s *Settings) { s.Options = MultiViews }},
		{"Options with signs change", []*Layer{{Options: &OptionsChange{Set: Indexes, Clear: FollowSymLinks}}},
			func(s *Settings) { s.Options = Indexes }},
		{"a later DirectoryIndex replaces", []*Layer{{Index: &IndexChange{Names: []string{"a"}}}, {Index: &IndexChange{Names: []string{"b", "c"}}}},
			func(s *Settings) { s.Index.Names = []string{"b", "c"} }},
		{"DirectoryIndex disabled", []*Layer{{Index: &IndexChange{Names: []string{}}}},
			func(s *Settings) { s.Index.Names = []string{} }},
		{"DirectorySlash keeps the names", []*Layer{{Index: &IndexChange{Slash: &off}}},
			func(s *Settings) { s.Index.Slash = false }},
		{"a later Require replaces, Legacy stays", []*Layer{
			{Require: &Requirement{Kind: RequireDenied}, Legacy: &Legacy{Order: AllowDeny}}, {Require: &Requirement{Kind: RequireGranted}}},
			func(s *Settings) {
				s.Access = Access{Require: &Requirement{Kind: RequireGranted}, Legacy: &Legacy{Order: AllowDeny}}
			}},
		{"a later AllowMethods replaces", []*Layer{{Methods: &Methods{Names: []string{"GET"}}}, {Methods: &Methods{Names: []string{"POST"}}}},
			func(s *Settings) { s.Access.Methods = &Methods{Names: []string{"POST"}} }},
		{"ErrorDocument adds by status", []*Layer{{ErrorDocs: ErrorDocs{404: {Text: "a"}, 500: {Text: "b"}}}, {ErrorDocs: ErrorDocs{404: {Path: "/n"}}}},
			func(s *Settings) { s.ErrorDocs = ErrorDocs{404: {Path: "/n"}, 500: {Text: "b"}} }},
		{"AddType adds by extension", []*Layer{{Types: &Types{ByExt: map[string]string{"a": "x/1", "b": "x/2"}}}, {Types: &Types{ByExt: map[string]string{"a": "x/3"}, Charset: "utf-8"}}},
			func(s *Settings) {
				s.Types = Types{ByExt: map[string]string{"a": "x/3", "b": "x/2"}, Charset: "utf-8"}
			}},
		{"none and off end what is inherited", []*Layer{{Types: &Types{Force: "x/1", Charset: "utf-8"}}, {Types: &Types{Force: "None", Charset: "Off"}}},
			func(*Settings) {}},
		{"LimitRequestBody 0", []*Layer{{BodyLimit: &zero}}, func(s *Settings) { s.BodyLimit = 0 }},
		{"SetEnv and UnsetEnv in their order", []*Layer{{Env: []EnvOp{{EnvVar: EnvVar{"a", "1"}}, {EnvVar: EnvVar{"b", "1"}}}}, {Env: []EnvOp{{EnvVar: EnvVar{Name: "a"}, Unset: true}, {EnvVar: EnvVar{"b", "2"}}, {EnvVar: EnvVar{"c", "3"}}}}},
			func(s *Settings) { s.Env = []EnvVar{{"b", "2"}, {"c", "3"}} }},
		{"SetEnvIf adds", []*Layer{{EnvIf: []EnvRule{{Name: "a"}}}, {EnvIf: []EnvRule{{Name: "b"}}}}, func(s *Settings) { s.EnvIf = []EnvRule{{Name: "a"}, {Name: "b"}} }},
		{"redirects of a deeper section come first", []*Layer{{Redirects: []Redirect{{Path: "/a"}}}, {Redirects: []Redirect{{Path: "/b"}}}}, func(s *Settings) { s.Redirects = []Redirect{{Path: "/b"}, {Path: "/a"}} }},
		{"SSLOptions with signs change", []*Layer{{SSL: &SSLChange{Set: SSLOptions{StdEnvVars: true}}}, {SSL: &SSLChange{Set: SSLOptions{ExportCertData: true}, UserName: "a"}}},
			func(s *Settings) { s.SSL = SSL{Options: SSLOptions{true, true}, UserName: "a"} }},
		{"SSLOptions without signs replace", []*Layer{{SSL: &SSLChange{Set: SSLOptions{true, true}}}, {SSL: &SSLChange{Replace: true, Set: SSLOptions{ExportCertData: true}}}},
			func(s *Settings) { s.SSL.Options = SSLOptions{ExportCertData: true} }},
		{"SSLOptions can be taken away, SSLRequireSSL cannot", []*Layer{{SSL: &SSLChange{Set: SSLOptions{true, true}, Required: true}}, {SSL: &SSLChange{Clear: SSLOptions{StdEnvVars: true}}}},
			func(s *Settings) { s.SSL = SSL{Options: SSLOptions{ExportCertData: true}, Required: true} }},
		{"closed stays closed", []*Layer{{Closed: &Closed{By: "AuthType x"}}, {Require: &Requirement{Kind: RequireGranted}}},
			func(s *Settings) {
				s.Closed, s.Access.Require = &Closed{By: "AuthType x"}, &Requirement{Kind: RequireGranted}
			}},
	} {
		base, want := Default(), Default()
		test.change(want)
		if diff := cmp.Diff(want, base.With(test.layers...)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.rule, diff)
		}
		if diff := cmp.Diff(Default(), base); diff != "" {
			t.Errorf("%s: the base was changed: %s", test.rule, diff)
		}
	}
}
