package accesslog

import "github.com/catflap/catflap/internal/front/exchange"

// oldNames are the arguments of %c, and the variables that they stand for.
var oldNames = map[string]string{"version": "SSL_PROTOCOL", "cipher": "SSL_CIPHER", "subjectdn": "SSL_CLIENT_S_DN", "issuerdn": "SSL_CLIENT_I_DN"}

// secure is a variable of mod_ssl (%{NAME}x), also by its old name (%{name}c).
// SSLOptions do not matter to it.
func secure(letter byte, name string) appender {
	if letter == 'c' {
		name = oldNames[name] // errcode and errstr have not told anything for long
	}
	return text(func(x *exchange.Exchange) string { return x.SSLVariable(name) })
}
