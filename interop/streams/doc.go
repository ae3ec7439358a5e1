// Package streams holds javaserial to Java: a Java program makes random graphs
// of objects, javaserial reads and writes them, and Java's own reader finds
// equal ones. There is nothing here but tests.
package streams
