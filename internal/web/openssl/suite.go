// Package openssl knows what crypto/tls has by the names that OpenSSL gives
// to it. What comes in are OpenSSL's words: cipher strings, versions, groups;
// what goes out are the values of crypto/tls, and back.
package openssl

import "crypto/tls"

// properties of a suite by which a cipher string chooses.
type properties uint32

const (
	kRSA properties = 1 << iota
	kECDHE
	aRSA
	aECDSA
	aes128
	aes256
	chacha
	gcm
	cbc
	sha1
	sha256
	aead
	ssl3  // the first version that has it
	tls10 // likewise
	tls12 // likewise
	fips
	inDefault
)

// A suite is one of TLS 1.2 and before. Those with RC4 and 3DES are left out,
// as OpenSSL 3 leaves them out.
type suite struct {
	id   uint16
	name string
	properties
}

// suites are all that crypto/tls has and OpenSSL 3 as it is distributed.
//
// Source: openssl-ciphers(1); output of openssl ciphers -V.
var suites = []suite{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", kECDHE | aECDSA | aes256 | gcm | aead | tls12 | fips | inDefault},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", kECDHE | aRSA | aes256 | gcm | aead | tls12 | fips | inDefault},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", kECDHE | aECDSA | chacha | aead | tls12 | inDefault},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", kECDHE | aRSA | chacha | aead | tls12 | inDefault},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", kECDHE | aECDSA | aes128 | gcm | aead | tls12 | fips | inDefault},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", kECDHE | aRSA | aes128 | gcm | aead | tls12 | fips | inDefault},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", kECDHE | aECDSA | aes128 | cbc | sha256 | tls12 | fips | inDefault},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", kECDHE | aRSA | aes128 | cbc | sha256 | tls12 | fips | inDefault},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", kECDHE | aECDSA | aes256 | cbc | sha1 | tls10 | fips | inDefault},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", kECDHE | aRSA | aes256 | cbc | sha1 | tls10 | fips | inDefault},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", kECDHE | aECDSA | aes128 | cbc | sha1 | tls10 | fips | inDefault},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", kECDHE | aRSA | aes128 | cbc | sha1 | tls10 | fips | inDefault},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", kRSA | aRSA | aes256 | gcm | aead | tls12 | fips | inDefault},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", kRSA | aRSA | aes128 | gcm | aead | tls12 | fips | inDefault},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", kRSA | aRSA | aes128 | cbc | sha256 | tls12 | fips | inDefault},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", kRSA | aRSA | aes256 | cbc | sha1 | ssl3 | fips | inDefault},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", kRSA | aRSA | aes128 | cbc | sha1 | ssl3 | fips | inDefault},
}

// suites13 are those of TLS 1.3. crypto/tls offers all of them, always.
var suites13 = map[uint16]string{
	tls.TLS_AES_128_GCM_SHA256:       "TLS_AES_128_GCM_SHA256",
	tls.TLS_AES_256_GCM_SHA384:       "TLS_AES_256_GCM_SHA384",
	tls.TLS_CHACHA20_POLY1305_SHA256: "TLS_CHACHA20_POLY1305_SHA256",
}

// SuiteName returns OpenSSL's name of a suite, and the bits of the key that it
// encrypts with.
func SuiteName(id uint16) (name string, bits int) {
	if name, ok := suites13[id]; ok {
		if id == tls.TLS_AES_128_GCM_SHA256 {
			return name, 128
		}
		return name, 256
	}
	for i := range suites {
		if s := &suites[i]; s.id == id {
			if s.properties&aes128 != 0 {
				return s.name, 128
			}
			return s.name, 256
		}
	}
	return tls.CipherSuiteName(id), 0
}

// versions are OpenSSL's names.
var versions = map[uint16]string{tls.VersionTLS10: "TLSv1", tls.VersionTLS11: "TLSv1.1", tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3"}

// VersionName returns OpenSSL's name of a version, "TLSv1.3".
func VersionName(version uint16) string { return versions[version] }
