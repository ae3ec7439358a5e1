package config

import (
	"testing"

	"github.com/catflap/catflap/internal/front/htaccess"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/mistake"
)

// FuzzOverride: whatever an .htaccess file holds, reading it ends without a
// panic, and with a mistake in it its folder is closed.
func FuzzOverride(f *testing.F) {
	f.Add("Require ip 10.1\nOptions -Indexes\n<Files ~ \"\\.bak$\">\nRequire all denied\n</Files>\n", uint8(settings.OverrideAll), "", false)
	f.Add("<Limit POST>\nOrder allow,deny\nRewriteEngine on\nRewriteRule ^x - [F]\n</Limit>\nSatisfy any", uint8(settings.OverrideLimit), " satisfy ", true)
	f.Add("<IfModule mod_rewrite.c>\nInclude x\n</IfModule>\nSetEnvIf Host ^a b\nAuthType x\n", uint8(0), " require ", false)
	reader := newLoader(Options{}).overrideReader()
	reader.env = func(string) (string, bool) { return "", false }
	f.Fuzz(func(t *testing.T, text string, classes uint8, list string, nonfatal bool) {
		file := htaccess.File{Name: "/w/.htaccess", Folder: "/w", Text: []byte(text), Allowed: settings.Override{
			Classes: settings.OverrideClass(classes) & settings.OverrideAll, List: list, Nonfatal: nonfatal}}
		_, report := reader.read(file)
		s := reader.section(file)
		if errors := report.Mistakes.Errors(); errors > 0 && s.Layer.Closed == nil {
			t.Fatalf("%d errors, and the folder is open: %v", errors, report.Mistakes)
		}
		for _, m := range report.Mistakes {
			if m.Severity == mistake.Error && m.Pos.File == "" {
				t.Fatalf("a mistake without a place: %v", m)
			}
		}
	})
}
