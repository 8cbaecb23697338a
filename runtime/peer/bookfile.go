package peer

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
)

// fileBytes bounds the file of a book: 1,024 nodes with 16 addresses each.
const fileBytes = 4 << 20

// written is the file of a book.
type written struct {
	Nodes map[string][]string `json:"nodes"` // addresses by ID, best first
}

// read fills an empty book from its file.
func (b *Book) read() {
	file, err := os.Open(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var content written
	if err == nil {
		err = errors.Join(json.NewDecoder(io.LimitReader(file, fileBytes)).Decode(&content), file.Close())
	}
	if err != nil {
		b.log.Warn("the addresses of an earlier run cannot be read; members are looked for", "file", b.path, "error", err)
		return
	}
	for id, addresses := range content.Nodes {
		b.Learn(id, FromFile, addresses)
	}
}

// keep writes the file, one writer at a time.
func (b *Book) keep() {
	if b.path == "" {
		return
	}
	b.keeper <- struct{}{}
	defer func() { <-b.keeper }()
	if err := b.write(); err != nil {
		b.log.Warn("the addresses of members are not kept for the next start", "file", b.path, "error", err)
	}
}

// write puts the file in place, whole or not at all. It is a hint, so that it
// need not be there after a power cut: nothing is synced.
func (b *Book) write() error {
	content := written{Nodes: map[string][]string{}}
	b.mu.Lock()
	for id, p := range b.pages {
		if list := p.addresses(FromSuccess, FromState, FromFile); p.written && len(list) > 0 {
			content.Nodes[id] = list[:min(len(list), addressesMax)]
		}
	}
	b.mu.Unlock()
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	beside := b.path + ".new"
	if err := os.WriteFile(beside, text, 0o600); err != nil {
		return err
	}
	return os.Rename(beside, b.path)
}
