package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// quotes holds the pages of docs to what they quote: a fenced block that names
// a file after its language, as in
//
//	```go interop/migrate/cart/cart.go
//
// is in that file, line by line.
func quotes(root string) (broken []string, err error) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		blocks := strings.Split("\n"+string(text), "\n```")
		for i := 1; i < len(blocks); i += 2 {
			head, block, _ := strings.Cut(blocks[i], "\n")
			words := strings.Fields(head)
			if len(words) != 2 {
				continue
			}
			file, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(words[1])))
			if err != nil || block == "" || !strings.Contains("\n"+string(file), "\n"+block+"\n") {
				broken = append(broken, fmt.Sprintf("docs/%s quotes %s, which does not say so: %q", filepath.Base(page), words[1], block))
			}
		}
	}
	return broken, nil
}
