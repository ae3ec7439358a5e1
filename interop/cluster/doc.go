// Package cluster runs Go nodes and real Tomcats that share their sessions, in
// network namespaces.
package cluster
