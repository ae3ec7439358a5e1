// Package migrate moves a part of a web application from a real Tomcat to a Go
// node and back, as docs/migrate-java-to-go.md tells, while somebody is logged
// in.
package migrate
