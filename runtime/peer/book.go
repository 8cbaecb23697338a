package peer

import (
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
)

// Source is how it became known where a member is. The later ones count more.
type Source int

// Sources.
const (
	FromFile    Source = iota // of an earlier run of this node
	FromState                 // what the cluster knows, told by members themselves
	FromNetwork               // announced now; by anybody
	FromSuccess               // the member was met there
)

// Bounds of a book.
const (
	nodesMax     = 1024
	addressesMax = 16 // of one node, from one source
)

// Book keeps where members may be. Nothing in it is trusted: who is found
// somewhere has to show its key. It is safe for concurrent use.
type Book struct {
	path string // of its file
	log  *slog.Logger

	mu     sync.Mutex
	pages  map[string]*page
	keeper chan struct{} // holds the right to write the file
}

// page is what is known of one node.
type page struct {
	of      [FromSuccess + 1][]string
	written bool // some member or this node vouches for the node; not only its announcement
}

// OpenBook reads the book that an earlier run kept in a file; a file that is
// missing or damaged gives an empty book, for members are found again. With path
// "" nothing is kept.
func OpenBook(path string, log *slog.Logger) *Book {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Book{path: path, log: log, pages: map[string]*page{}, keeper: make(chan struct{}, 1)}
	if path != "" {
		b.read()
	}
	return b
}

// Learn replaces what a source says of a node; what is no "host:port" is passed
// over. Of what anybody can announce only so much is kept.
func (b *Book) Learn(id string, source Source, hostports []string) {
	var good []string
	for _, hostport := range hostports {
		if wellFormed(hostport) && !slices.Contains(good, hostport) && len(good) < addressesMax {
			good = append(good, hostport)
		}
	}
	b.mu.Lock()
	p := b.page(id, source)
	changed := p != nil && !slices.Equal(p.of[source], good)
	if changed {
		p.of[source] = good
	}
	b.mu.Unlock()
	if changed && source != FromNetwork && source != FromFile {
		b.keep()
	}
}

// page is that of a node; nil where there is no room for what was merely
// announced.
func (b *Book) page(id string, source Source) *page {
	p := b.pages[id]
	if p == nil {
		if len(b.pages) >= nodesMax && !b.makeRoom(source) {
			return nil
		}
		p = &page{}
		b.pages[id] = p
	}
	p.written = p.written || source != FromNetwork
	return p
}

// makeRoom forgets a node that was only announced, for one that is known otherwise.
func (b *Book) makeRoom(source Source) bool {
	if source == FromNetwork {
		return false
	}
	for id, p := range b.pages {
		if !p.written {
			delete(b.pages, id)
			return true
		}
	}
	return false
}

// Reached notes where a member was met.
func (b *Book) Reached(id, address string) {
	b.mu.Lock()
	known := b.pages[id] != nil && slices.Equal(b.pages[id].of[FromSuccess], []string{address})
	b.mu.Unlock()
	if !known {
		b.Learn(id, FromSuccess, []string{address})
	}
}

// Forget drops a node that left the cluster.
func (b *Book) Forget(id string) {
	b.mu.Lock()
	_, known := b.pages[id]
	delete(b.pages, id)
	b.mu.Unlock()
	if known {
		b.keep()
	}
}

// Addresses lists where a node may be, best first: where it was met last, where
// it says on the network that it is, where the cluster believes it, where it
// was before this node started. The sources take turns, so that no announcement
// drives out what is vouched for.
func (b *Book) Addresses(id string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pages[id].addresses(FromSuccess, FromNetwork, FromState, FromFile)
}

func (p *page) addresses(sources ...Source) (list []string) {
	if p == nil {
		return nil
	}
	for turn := range addressesMax {
		for _, source := range sources {
			if of := p.of[source]; turn < len(of) && !slices.Contains(list, of[turn]) {
				list = append(list, of[turn])
			}
		}
	}
	return list
}

func wellFormed(hostport string) bool {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil || host == "" || len(host) > 253 {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
