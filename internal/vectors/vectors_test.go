package vectors

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"testing"
)

// Every file is in the index, and each is the one that the index means.
func TestIndex(t *testing.T) {
	var index struct{ Count int }
	if err := json.Unmarshal(read(t, "index.json"), &index); err != nil {
		t.Fatal(err)
	}
	all := All(t)
	files, err := filepath.Glob(filepath.Join(folder(t), "*.bin"))
	if err != nil || len(files) != len(all) || index.Count != len(all) {
		t.Errorf("%d files, %d vectors, a count of %d, error %v", len(files), len(all), index.Count, err)
	}
	for _, v := range all {
		data := Bytes(t, v.Name)
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != v.SHA256 || len(data) != v.Size {
			t.Errorf("%s is not the file that the index means", v.Name)
		}
	}
}
