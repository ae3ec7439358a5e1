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
// is in that file, line by line, but for how far it stands to the right. Blocks
// of Go name one, so that what readers copy has been compiled.
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
			if len(words) == 1 && words[0] == "go" {
				broken = append(broken, fmt.Sprintf("docs/%s has Go that nobody compiles: let it quote a file, as in ```go session/example_test.go: %q", filepath.Base(page), block))
			}
			if len(words) != 2 {
				continue
			}
			file, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(words[1])))
			if err != nil || block == "" || !has("\n"+string(file), "\n"+block+"\n") {
				broken = append(broken, fmt.Sprintf("docs/%s quotes %s, which does not say so: %q", filepath.Base(page), words[1], block))
			}
		}
	}
	return broken, nil
}

// has reports whether block is in file, perhaps within a function.
func has(file, block string) bool {
	return strings.Contains(file, block) || strings.Contains(strings.ReplaceAll(file, "\n\t", "\n"), block)
}
