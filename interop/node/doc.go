// Package node runs catflap node on server.xml files, in network namespaces,
// behind real fronts.
package node
