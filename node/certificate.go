package node

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/catflap/catflap/node/internal/layout"
)

// tlsConfig reads the files of a TLS.
func (n *Node) tlsConfig(cfg *TLS) (*tls.Config, error) {
	certificate, err := os.ReadFile(layout.Under(n.cfg.Base, cfg.CertificateFile))
	if err != nil {
		return nil, err
	}
	if cfg.ChainFile != "" {
		chain, err := os.ReadFile(layout.Under(n.cfg.Base, cfg.ChainFile))
		if err != nil {
			return nil, err
		}
		certificate = append(append(certificate, '\n'), chain...)
	}
	key := certificate // of one file that has both
	if cfg.KeyFile != "" {
		if key, err = os.ReadFile(layout.Under(n.cfg.Base, cfg.KeyFile)); err != nil {
			return nil, err
		}
	}
	pair, err := tls.X509KeyPair(certificate, key)
	keyFile := cmp.Or(cfg.KeyFile, cfg.CertificateFile)
	switch {
	case err == nil:
	case encrypted(key):
		return nil, fmt.Errorf("%s: %w", keyFile, errEncrypted)
	case noPEM(certificate):
		return nil, fmt.Errorf("%s: %w", cfg.CertificateFile, errNoPEM)
	case noPEM(key):
		return nil, fmt.Errorf("%s: %w", keyFile, errNoPEM)
	default:
		return nil, fmt.Errorf("certificate %s with the key %s: %w", cfg.CertificateFile, keyFile, err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13}
	if len(cfg.Protocols) > 0 {
		c.MinVersion, c.MaxVersion = tls.VersionTLS13, tls.VersionTLS12
		for _, name := range cfg.Protocols {
			version := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}[name]
			if version == 0 {
				return nil, fmt.Errorf("protocol %q: it is TLSv1.2 or TLSv1.3", name)
			}
			c.MinVersion, c.MaxVersion = min(c.MinVersion, version), max(c.MaxVersion, version)
		}
	}
	return c, nil
}

var (
	errEncrypted = errors.New("the key is encrypted, and is not read")
	errNoPEM     = errors.New("it is no PEM file")
)

// encrypted reports whether a PEM file has a key that wants a password.
func encrypted(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return true
		}
	}
	return false
}

func noPEM(text []byte) bool { return !bytes.Contains(text, []byte("-----BEGIN ")) }

// certificateFix says what to do about files that tlsConfig does not take.
func certificateFix(err error) string {
	switch {
	case errors.Is(err, errEncrypted):
		return "openssl pkey -in KEY -out PLAINKEY, readable by nobody else, then certificateKeyFile=\"PLAINKEY\""
	case errors.Is(err, errNoPEM):
		return "of PKCS12 (.p12, .pfx): openssl pkcs12 -in FILE -nodes -out FILE.pem; of DER (.der, .cer): openssl x509 -inform der -in FILE -out FILE.pem"
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return "certificateFile and certificateKeyFile name PEM files that this user can read; names begin at catalina.base"
	}
	return "certificateFile has the certificate, before those that issued it, and certificateKeyFile the key that it was made with"
}
