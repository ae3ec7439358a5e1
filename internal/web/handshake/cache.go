package handshake

import (
	"crypto/rand"
	"sync"
)

// A cache keeps sessions here, and gives clients only their keys: for sites
// that want no tickets. It holds at most a number of bytes; the oldest half
// goes at once.
type cache struct {
	mu           sync.Mutex // guards what follows
	fresh, stale map[sessionKey][]byte
	size         int // of fresh
}

type sessionKey [32]byte

// overhead is about what one session takes beside its bytes.
const overhead = 100

// put keeps state and returns its key. It holds at most most bytes.
func (c *cache) put(state []byte, most int) []byte {
	var key sessionKey
	rand.Read(key[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	size := len(state) + overhead
	if c.fresh == nil || c.size+size > most/2 {
		c.stale, c.fresh, c.size = c.fresh, map[sessionKey][]byte{}, 0
	}
	if size <= most/2 {
		c.fresh[key] = state
		c.size += size
	}
	return key[:]
}

// get returns what is kept under key, nil if nothing is.
func (c *cache) get(key []byte) []byte {
	if len(key) != len(sessionKey{}) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if state, ok := c.fresh[sessionKey(key)]; ok {
		return state
	}
	return c.stale[sessionKey(key)]
}
