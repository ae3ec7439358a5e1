package session

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// NewID returns a new session id as Tomcat forms them: 32 hexadecimal digits in
// upper case from crypto/rand, then a dot and the route, if there is one.
//
// Source: Tomcat's sessionIdLength (16 bytes), Engine's jvmRoute.
func NewID(route string) string {
	var random [16]byte
	rand.Read(random[:]) // never fails
	id := strings.ToUpper(hex.EncodeToString(random[:]))
	if route != "" {
		id += "." + route
	}
	return id
}

// RouteOf returns the route of an id: what follows its first dot, "" without.
func RouteOf(id string) string {
	_, route, _ := strings.Cut(id, ".")
	return route
}
