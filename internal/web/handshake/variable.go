package handshake

import (
	"crypto/x509"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// variable returns a variable of mod_ssl.
//
// Source: httpd manual, mod_ssl, "Environment Variables"; its values as seen at
// work.
func variable(t *exchange.TLS, name string) string {
	switch name {
	case "HTTPS":
		return "on"
	case "SSL_PROTOCOL":
		return t.Protocol
	case "SSL_CIPHER":
		return t.Cipher
	case "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE":
		if t.Bits == 0 {
			return ""
		}
		return strconv.Itoa(t.Bits)
	case "SSL_CIPHER_EXPORT":
		return "false"
	case "SSL_SESSION_ID":
		return t.Session
	case "SSL_SESSION_RESUMED":
		if t.Resumed {
			return "Resumed"
		}
		return "Initial"
	case "SSL_TLS_SNI":
		return t.ServerName
	case "SSL_COMPRESS_METHOD":
		return "NULL"
	case "SSL_SECURE_RENEG":
		return "true"
	case "SSL_VERSION_INTERFACE":
		return "catflap"
	case "SSL_VERSION_LIBRARY":
		return "crypto/tls"
	case "SSL_CLIENT_VERIFY":
		return t.Verified
	case "SSL_CLIENT_CERT":
		return pemAt(t.ClientPEM, 0)
	}
	if n, ok := strings.CutPrefix(name, "SSL_CLIENT_CERT_CHAIN_"); ok {
		i, err := strconv.Atoi(n)
		if err != nil || i < 0 {
			return ""
		}
		return pemAt(t.ClientPEM, i+1)
	}
	if rest, ok := strings.CutPrefix(name, "SSL_CLIENT_"); ok && len(t.Client) > 0 {
		return certificateVariable(t.Client[0], rest)
	}
	if rest, ok := strings.CutPrefix(name, "SSL_SERVER_"); ok && t.Server != nil {
		if rest == "CERT" {
			return toPEM(t.Server)
		}
		return certificateVariable(t.Server, rest)
	}
	return ""
}

func pemAt(all []string, i int) string {
	if i >= len(all) {
		return ""
	}
	return all[i]
}

// certificateVariable returns what follows SSL_CLIENT_ or SSL_SERVER_.
func certificateVariable(c *x509.Certificate, name string) string {
	switch name {
	case "M_VERSION":
		return strconv.Itoa(c.Version)
	case "M_SERIAL":
		return serial(c)
	case "V_START":
		return timeText(c.NotBefore)
	case "V_END":
		return timeText(c.NotAfter)
	case "V_REMAIN":
		return strconv.Itoa(max(0, int(time.Until(c.NotAfter)/(24*time.Hour))))
	case "S_DN":
		return distinguished(c.RawSubject)
	case "I_DN":
		return distinguished(c.RawIssuer)
	case "A_KEY":
		return keyAlgorithms[c.PublicKeyAlgorithm]
	case "A_SIG":
		return signatureAlgorithms[c.SignatureAlgorithm]
	case "CERT_RFC4523_CEA":
		return fmt.Sprintf("{ serialNumber %s, issuer rdnSequence:%q }", c.SerialNumber, distinguished(c.RawIssuer))
	}
	for prefix, raw := range map[string][]byte{"S_DN_": c.RawSubject, "I_DN_": c.RawIssuer} {
		if part, ok := strings.CutPrefix(name, prefix); ok {
			part, n := numbered(strings.TrimSuffix(part, "_RAW"))
			if short := components[part]; short != "" {
				return component(raw, short, n)
			}
		}
	}
	return alternative(c, name)
}

// numbered splits what has _N at its end.
func numbered(name string) (string, int) {
	if at := strings.LastIndexByte(name, '_'); at >= 0 {
		if n, err := strconv.Atoi(name[at+1:]); err == nil && n >= 0 {
			return name[:at], n
		}
	}
	return name, 0
}

// alternative returns a subjectAltName: SAN_DNS_n, SAN_Email_n.
func alternative(c *x509.Certificate, name string) string {
	kind, n := numbered(name)
	names := map[string][]string{"SAN_DNS": c.DNSNames, "SAN_Email": c.EmailAddresses}[kind]
	if n >= len(names) {
		return ""
	}
	return names[n]
}

// serial is the serial number in hex, whole bytes.
func serial(c *x509.Certificate) string {
	text := strings.ToUpper(c.SerialNumber.Text(16))
	if len(strings.TrimPrefix(text, "-"))%2 == 1 {
		digits, negative := strings.CutPrefix(text, "-")
		if text = "0" + digits; negative {
			text = "-" + text
		}
	}
	return text
}

// timeText is a time as OpenSSL prints it.
func timeText(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }

// keyAlgorithms are OpenSSL's long names.
var keyAlgorithms = map[x509.PublicKeyAlgorithm]string{
	x509.RSA: "rsaEncryption", x509.ECDSA: "id-ecPublicKey", x509.Ed25519: "ED25519", x509.DSA: "dsaEncryption",
}

// signatureAlgorithms likewise.
var signatureAlgorithms = map[x509.SignatureAlgorithm]string{
	x509.SHA1WithRSA: "sha1WithRSAEncryption", x509.SHA256WithRSA: "sha256WithRSAEncryption", x509.SHA384WithRSA: "sha384WithRSAEncryption",
	x509.SHA512WithRSA: "sha512WithRSAEncryption", x509.SHA256WithRSAPSS: "rsassaPss", x509.SHA384WithRSAPSS: "rsassaPss", x509.SHA512WithRSAPSS: "rsassaPss",
	x509.ECDSAWithSHA1: "ecdsa-with-SHA1", x509.ECDSAWithSHA256: "ecdsa-with-SHA256", x509.ECDSAWithSHA384: "ecdsa-with-SHA384",
	x509.ECDSAWithSHA512: "ecdsa-with-SHA512", x509.PureEd25519: "ED25519", x509.MD5WithRSA: "md5WithRSAEncryption",
}
