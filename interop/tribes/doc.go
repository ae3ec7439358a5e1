// Package tribes holds package tribes to real Tomcats: Go members and Tomcats in
// one group, each in a network namespace. There is nothing here but tests.
package tribes
