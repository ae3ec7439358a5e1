package ajp

// knownAttributes are the request attributes that Tomcat's connector takes
// without allowedRequestAttributesPattern: those of mod_jk and mod_proxy_ajp,
// and those that the web server IIS sends.
var knownAttributes = map[string]bool{
	AttrRemotePort: true, AttrLocalAddr: true, AttrSSLProtocol: true, AttrActivation: true,

	"javax.servlet.request.cipher_suite":      true,
	"javax.servlet.request.key_size":          true,
	"javax.servlet.request.ssl_session":       true,
	"javax.servlet.request.X509Certificate":   true,
	"jakarta.servlet.request.cipher_suite":    true,
	"jakarta.servlet.request.key_size":        true,
	"jakarta.servlet.request.ssl_session":     true,
	"jakarta.servlet.request.X509Certificate": true,

	"CERT_ISSUER": true, "CERT_SUBJECT": true, "CERT_COOKIE": true, "CERT_FLAGS": true, "CERT_SERIALNUMBER": true,
	"HTTPS_SERVER_SUBJECT": true, "HTTPS_SERVER_ISSUER": true, "HTTPS_SECRETKEYSIZE": true, "HTTPS_KEYSIZE": true,
}

// allows reports whether a request attribute may have this name.
func (s *Server) allows(name string) bool {
	return knownAttributes[name] || s.settings.allowed != nil && s.settings.allowed.MatchString(name)
}
