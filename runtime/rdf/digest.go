package rdf

import (
	"crypto/sha256"
	"encoding/binary"
)

// Digest is a hash of the set of quads, independent of ids and of history: two
// stores with the same quads have the same digest. It is the sum of the quads'
// SHA-256 in four lanes of 64 bits, which tells accidents from intent: it finds
// every fault, but does not withstand someone who may choose the quads. Blank
// nodes count by label.
func (s *Snapshot) Digest() [32]byte { return s.digest(IDQuad{}) }

// DigestGraph is the digest of one graph's quads.
func (s *Snapshot) DigestGraph(graph ID) [32]byte { return s.digest(IDQuad{G: graph}) }

func (s *Snapshot) digest(p IDQuad) (out [32]byte) {
	var lanes [4]uint64
	var line []byte
	for c := s.Cursor(p); c.Next(); {
		line = appendNQuad(line[:0], s.Quad(c.Quad()))
		sum := sha256.Sum256(line)
		for i := range lanes {
			lanes[i] += binary.LittleEndian.Uint64(sum[8*i:])
		}
	}
	for i, lane := range lanes {
		binary.LittleEndian.PutUint64(out[8*i:], lane)
	}
	return out
}
