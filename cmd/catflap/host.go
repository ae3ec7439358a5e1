package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/catflap/catflap/internal/privilege"
)

// A host is what a conductor runs under: systemd or nothing, or the parent of
// a process that serves without the rights of root.
type host interface {
	// Renew runs take, which reads the files again and returns nil if they
	// were taken.
	Renew(take func() error) error
	// Report tells how the server is, and the same for people.
	Report(s privilege.State, line string)
	// Keep leaves data to a process that has to take the place of this one.
	Keep(data []byte) error
	// Kept returns what a process before this one left; nil if that is nothing.
	Kept() ([]byte, error)
}

// systemd is told by the protocol of its notify-reload services how the server
// is. Without NOTIFY_SOCKET nobody is told.
//
// Source: sd_notify(3), systemd.service(5) "Type=".
type systemd struct{}

func (systemd) Keep([]byte) error { return nil }

func (systemd) Kept() ([]byte, error) { return nil, nil }

func (systemd) Renew(take func() error) error { return take() }

func (systemd) Report(s privilege.State, line string) {
	var words []string
	switch s {
	case privilege.Serving:
		words = append(words, daemon.SdNotifyReady, fmt.Sprintf("MAINPID=%d", os.Getpid()))
	case privilege.Reloading:
		words = append(words, daemon.SdNotifyReloading, daemon.SdNotifyMonotonicUsec())
	case privilege.Stopping:
		words = append(words, daemon.SdNotifyStopping)
	}
	daemon.SdNotify(false, strings.Join(append(words, "STATUS="+line), "\n"))
}
