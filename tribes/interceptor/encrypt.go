package interceptor

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/catflap/catflap/tribes"
)

// EncryptConfig are Tomcat's attributes of EncryptInterceptor. A zero field
// means its default.
type EncryptConfig struct {
	Base
	Algorithm string // encryptionAlgorithm: AES/GCM/NoPadding, or AES/CBC/PKCS5Padding; default the first
	Key       string // encryptionKey: 32, 48 or 64 hex digits; required
	// NoReplayProtection is for peers before 10.1.56, 9.0.119 and 11.0.23:
	// messages carry no time. Who listens could send them again.
	NoReplayProtection bool
	ReplayWindow       time.Duration // replayWindowTime; default 10 s
	ReplayCount        int           // replayWindowMessageCount; default 8192
}

// An Encrypt encrypts messages with a key that all nodes have, and drops what
// was not, or what comes a second time.
//
//	nonce       12 bytes with GCM, else an initial vector of 16
//	ciphertext  n bytes  of: int64 the message's timestamp, message
//
// Source: EncryptInterceptor.
type Encrypt struct {
	tribes.Pass
	cfg    EncryptConfig
	own    sealer
	other  sealer // the other form, to say in words that a peer has it
	replay replay
}

// NewEncrypt returns an EncryptInterceptor, or what is wrong with its key or
// algorithm.
func NewEncrypt(cfg EncryptConfig) (*Encrypt, error) {
	cfg.Base = cfg.withDefaults()
	if cfg.Algorithm == "" {
		cfg.Algorithm = algorithmGCM
	}
	if cfg.ReplayWindow == 0 {
		cfg.ReplayWindow = 10 * time.Second
	}
	if cfg.ReplayCount == 0 {
		cfg.ReplayCount = 8192
	}
	key, err := hex.DecodeString(strings.TrimSpace(cfg.Key))
	if err != nil {
		return nil, errors.New("encryptionKey: not hex digits")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("encryptionKey: %d bytes; AES wants 16, 24 or 32 (32, 48 or 64 hex digits)", len(key))
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	e := &Encrypt{cfg: cfg}
	switch strings.ToUpper(cfg.Algorithm) {
	case strings.ToUpper(algorithmGCM):
		e.own, e.other = gcmSealer{gcm}, cbcSealer{block}
	case strings.ToUpper(algorithmCBC):
		e.own, e.other = cbcSealer{block}, gcmSealer{gcm}
		cfg.Log.Warn("encryptionAlgorithm " + algorithmCBC + " does not notice forged messages; " + algorithmGCM + " does")
	default:
		return nil, fmt.Errorf("encryptionAlgorithm %q: use %s, or %s for peers that have it", cfg.Algorithm, algorithmGCM, algorithmCBC)
	}
	e.replay = newReplay(cfg.ReplayWindow, cfg.ReplayCount)
	return e, nil
}

const (
	algorithmGCM = "AES/GCM/NoPadding"
	algorithmCBC = "AES/CBC/PKCS5Padding"
)

// Send implements tribes.Lower.
func (e *Encrypt) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	if !e.cfg.mine(m) {
		return e.Below.Send(ctx, to, m)
	}
	sealed := *m
	plain := m.Data
	if !e.cfg.NoReplayProtection {
		if sealed.Timestamp <= 0 {
			sealed.Timestamp = time.Now().UnixMilli()
		}
		plain = binary.BigEndian.AppendUint64(make([]byte, 0, len(m.Data)+8), uint64(sealed.Timestamp))
		plain = append(plain, m.Data...)
	}
	var err error
	if sealed.Data, err = e.own.seal(plain); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	return e.Below.Send(ctx, to, &sealed)
}

// Deliver implements tribes.Upper. What cannot be decrypted is dropped, and
// acknowledged as if it were not.
func (e *Encrypt) Deliver(m *tribes.Message) error {
	if !e.cfg.mine(m) {
		return e.Above.Deliver(m)
	}
	plain, err := e.own.open(m.Data)
	if err != nil {
		e.cfg.Log.Error(e.otherForm(m), "from", m.From)
		return nil
	}
	timed := e.timed(plain, m)
	switch {
	case !timed && e.cfg.NoReplayProtection:
		m.Data = plain
		return e.Above.Deliver(m)
	case !timed:
		e.cfg.Log.Error("message without a time: a peer before Tomcat 10.1.56, 9.0.119 or 11.0.23, or one without replay protection; "+
			"update it, or switch replay protection off here", "from", m.From)
		return nil
	case e.cfg.NoReplayProtection:
		e.cfg.Log.Error("messages of a peer have a time: replay protection can be switched on here", "from", m.From)
	default:
		stamp := int64(binary.BigEndian.Uint64(plain))
		if why := e.replay.take(stamp, string(e.own.nonce(m.Data)), time.Now()); why != "" {
			e.cfg.Log.Error(why, "from", m.From)
			return nil
		}
	}
	m.Data = plain[8:]
	return e.Above.Deliver(m)
}

// otherForm says which form a message has that cannot be decrypted in the own one.
func (e *Encrypt) otherForm(m *tribes.Message) string {
	plain, err := e.other.open(m.Data)
	timed := err == nil && e.timed(plain, m)
	switch {
	case err == nil && timed:
		return "message in another form: a peer has encryptionAlgorithm " + e.other.name() + ", this node " + e.own.name()
	case err == nil && (e.other.authentic() || looksPlain(plain)):
		return "message in another form: a peer has encryptionAlgorithm " + e.other.name() + " and no time against replays, as Tomcat before 10.1.56, 9.0.119 and 11.0.23, this node " + e.own.name()
	case looksPlain(m.Data):
		return "message that is not encrypted: a peer has no EncryptInterceptor"
	}
	return "message cannot be decrypted: another encryptionKey, or a forged message"
}

// looksPlain reports whether b begins as what is encrypted begins most often: a
// Java stream, or a message that was compressed.
func looksPlain(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xac, 0xed, 0, 5}) || bytes.HasPrefix(b, []byte{0x1f, 0x8b, 8})
}

// timed reports whether plain begins with the timestamp that the message has in
// clear.
func (e *Encrypt) timed(plain []byte, m *tribes.Message) bool {
	return len(plain) >= 8 && int64(binary.BigEndian.Uint64(plain)) == m.Timestamp
}

// A sealer is one way to encrypt.
type sealer interface {
	name() string
	authentic() bool // it notices what was forged
	seal(plain []byte) ([]byte, error)
	open(sealed []byte) ([]byte, error)
	nonce(sealed []byte) []byte
}

type gcmSealer struct{ cipher.AEAD }

func (s gcmSealer) name() string    { return algorithmGCM }
func (s gcmSealer) authentic() bool { return true }

func (s gcmSealer) seal(plain []byte) ([]byte, error) {
	out := make([]byte, s.NonceSize(), s.NonceSize()+len(plain)+s.Overhead())
	rand.Read(out)
	return s.Seal(out, out, plain, nil), nil
}

func (s gcmSealer) open(sealed []byte) ([]byte, error) {
	if len(sealed) < s.NonceSize()+s.Overhead() {
		return nil, errors.New("too short")
	}
	return s.Open(nil, sealed[:s.NonceSize()], sealed[s.NonceSize():], nil)
}

func (s gcmSealer) nonce(sealed []byte) []byte { return sealed[:s.NonceSize()] }

type cbcSealer struct{ cipher.Block }

func (s cbcSealer) name() string    { return algorithmCBC }
func (s cbcSealer) authentic() bool { return false }

func (s cbcSealer) seal(plain []byte) ([]byte, error) {
	size := s.BlockSize()
	pad := size - len(plain)%size
	out := make([]byte, size+len(plain)+pad)
	rand.Read(out[:size])
	copy(out[size:], plain)
	for i := range pad {
		out[len(out)-1-i] = byte(pad)
	}
	cipher.NewCBCEncrypter(s.Block, out[:size]).CryptBlocks(out[size:], out[size:])
	return out, nil
}

var errPadding = errors.New("bad padding")

func (s cbcSealer) open(sealed []byte) ([]byte, error) {
	size := s.BlockSize()
	if len(sealed) < 2*size || len(sealed)%size != 0 {
		return nil, errors.New("no whole number of blocks")
	}
	plain := make([]byte, len(sealed)-size)
	cipher.NewCBCDecrypter(s.Block, sealed[:size]).CryptBlocks(plain, sealed[size:])
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > size {
		return nil, errPadding
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errPadding
		}
	}
	return plain[:len(plain)-pad], nil
}

func (s cbcSealer) nonce(sealed []byte) []byte { return sealed[:s.BlockSize()] }
