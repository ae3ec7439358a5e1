// Package vectors gives tests the bytes that Tomcat 10.1.60 and Java 17 sent
// and wrote, tribes/testdata/vectors. What comes in is a name, what goes out
// are the bytes, and what the index says that they mean.
package vectors

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// A Vector is an entry of the index.
type Vector struct {
	Name, Kind, Desc string
	Reencode         string          // "identical" if Java writes the same bytes for equal objects
	Expect           json.RawMessage // what it means; nil if it is to be refused
	Encrypt          *Encrypt        // nil if it is not encrypted
	SHA256           string
	Size             int
}

// Encrypt says how a vector was encrypted, and what is in it.
type Encrypt struct{ Algorithm, KeyHex, Plaintext string }

// Means is Expect as JSON has it, with its numbers as they are written.
func (v Vector) Means(t testing.TB) any {
	t.Helper()
	if v.Expect == nil {
		return nil
	}
	var means any
	decoder := json.NewDecoder(bytes.NewReader(v.Expect))
	decoder.UseNumber()
	if err := decoder.Decode(&means); err != nil {
		t.Fatalf("vector %s: %v", v.Name, err)
	}
	return means
}

// All returns all vectors, in the order of the index.
func All(t testing.TB) []Vector {
	t.Helper()
	var index struct{ Vectors []Vector }
	if err := json.Unmarshal(read(t, "index.json"), &index); err != nil {
		t.Fatalf("vectors: %v", err)
	}
	return index.Vectors
}

// Bytes returns the bytes of the vector name.
func Bytes(t testing.TB, name string) []byte {
	t.Helper()
	return read(t, name+".bin")
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// folder is where the vectors are, seen from the folder of any package, which
// is where its tests run.
func folder(t testing.TB) string {
	t.Helper()
	for root := "."; len(root) < 60; root = filepath.Join("..", root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return filepath.Join(root, "tribes", "testdata", "vectors")
		}
	}
	t.Fatal("vectors: no go.mod above this folder")
	return ""
}
