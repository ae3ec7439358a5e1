package strftime

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestAppend(t *testing.T) {
	at := time.Date(2026, 1, 4, 0, 5, 9, 0, time.FixedZone("X", -3600))
	for layout, want := range map[string]string{
		"[%a %b %d %H:%M:%S %Y]": "[Sun Jan 04 00:05:09 2026]", "%d/%b/%Y:%T %z": "04/Jan/2026:00:05:09 -0100", "%e|%k|%l|%I": " 4| 0|12|12",
		"%j %u %w %U %W %V %G %g %C": "004 7 0 01 00 01 2026 26 20", "%s": "1767488709", "%%%n%t": "%\n\t", "%Q %": "%Q %", "": "",
		"%p %y %F %D %R": "AM 26 2026-01-04 01/04/26 00:05",
	} {
		if got := string(Append(nil, layout, at)); got != want {
			t.Errorf("%q: %q, want %q", layout, got, want)
		}
	}
}

// TestAgainstDate holds all conversions against date(1), for a year of days.
func TestAgainstDate(t *testing.T) {
	layout := strings.Fields("%a %A %b %B %h %c %d %D %e %F %H %I %j %m %M %p %r %R %S %T %x %X %y %Y %s %C %k %l %u %w %U %W %V %G %g")
	joined := strings.Join(layout, "|")
	var days, want []string
	for day := time.Date(2023, 12, 25, 13, 4, 5, 0, time.UTC); len(days) < 400; day = day.AddDate(0, 0, 1) {
		days = append(days, day.Format("2006-01-02T15:04:05Z"))
		want = append(want, string(Append(nil, joined, day)))
	}
	command := exec.Command("date", "-u", "-f", "-", "+"+joined)
	command.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	command.Stdin = strings.NewReader(strings.Join(days, "\n"))
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		if line != want[i] {
			t.Fatalf("%s:\n %s, date says\n %s", days[i], want[i], line)
		}
	}
}
