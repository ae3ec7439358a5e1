package main

import (
	"errors"
	"strings"
	"syscall"

	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/mistake"
)

// refusals are what err of a server says, one by one, in the one form of
// mistakes where it has a place.
func refusals(err error, isBeside bool) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, each := range joined.Unwrap() {
			all = append(all, refusals(each, isBeside)...)
		}
		return all
	}
	listen, ok := errors.AsType[*front.ListenError](err)
	if !ok {
		return strings.Split(err.Error(), "\n")
	}
	reason := listen.Err
	if number, ok := errors.AsType[syscall.Errno](reason); ok {
		reason = number
	}
	return []string{mistake.Mistake{
		Pos: mistake.Pos{File: listen.Place}, Code: "AH00072", Fix: bindFix(listen, isBeside),
		Text: "could not bind to address " + listen.Address + ": " + reason.Error(),
	}.String()}
}

// bindFix says what to do about a Listen that cannot be opened.
func bindFix(e *front.ListenError, isBeside bool) string {
	port := e.Address[strings.LastIndexByte(e.Address, ':'):]
	switch {
	case errors.Is(e, syscall.EADDRINUSE) && e.Own:
		return "this server itself has that port at another address: to change between one address and all, stop it and start it again"
	case errors.Is(e, syscall.EADDRINUSE) && isBeside:
		return "choose another --port-offset; ss -ltnp 'sport = " + port + "' shows who listens there"
	case errors.Is(e, syscall.EADDRINUSE):
		return "stop who listens there (ss -ltnp 'sport = " + port + "'), or run next to it: catflap serve --beside DIR --port-offset N"
	case errors.Is(e, syscall.EACCES):
		return "ports below 1024 are root's: start catflap as root, with User and Group in the file"
	case errors.Is(e, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address (ip addr shows those that it has)"
	}
	return ""
}
