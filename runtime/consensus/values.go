package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds of one message, in MessagePack values: the fields of the largest that
// this package sends are some 500. An empty map takes one byte on the wire and a
// hundred in memory, so bytes alone bound nothing.
const (
	maxValues = 1 << 14
	maxDepth  = 16
)

var (
	errValues  = fmt.Errorf("a message has more than %d values or is nested deeper than %d", maxValues, maxDepth)
	errMessage = errors.New("a message is not in the form of Raft's")
)

// installSnapshot is the type of a message that is followed by as many bytes as
// its field "Size" says. The types of hashicorp/raft are part of its protocol.
const installSnapshot = 2

// messages follows what Raft's transport reads: a byte for the type, one value,
// and what InstallSnapshot brings.
type messages struct {
	kind  byte
	begun bool // the type was read
	value values
	raw   int64 // bytes that follow the value
}

// take follows more bytes, and says what is wrong before anybody decodes them.
func (m *messages) take(p []byte) error {
	for len(p) > 0 {
		switch {
		case m.raw > 0:
			n := min(m.raw, int64(len(p)))
			m.raw, p = m.raw-n, p[n:]
		case !m.begun:
			m.kind, m.begun, p = p[0], true, p[1:]
			m.value = values{}
		default:
			n, done, err := m.value.take(p)
			if err != nil {
				return err
			}
			p = p[n:]
			if !done {
				continue
			}
			m.begun = false
			if m.kind != installSnapshot {
				continue
			}
			if m.raw = m.value.size; m.value.sizes != 1 || m.raw < 0 || m.raw > maxRequest {
				return errMessage
			}
		}
	}
	return nil
}

// values counts the values of one message as its bytes come.
type values struct {
	count int
	open  []int64 // how many values each map or array that is open still lacks
	head  [9]byte // of the value that has begun: its first byte, and its number or length
	have  int     // bytes of head
	skip  int64   // bytes of its content that are still to come
	key   []byte  // of its content, if it is a key of the message itself
	isKey bool
	sized bool // the value is that of "Size"

	size  int64
	sizes int // how often it was given
}

// take follows bytes up to the end of the message, and says how many those were.
func (v *values) take(p []byte) (n int, done bool, err error) {
	for n < len(p) {
		if v.skip > 0 {
			some := min(v.skip, int64(len(p)-n))
			if v.isKey && len(v.key) < len("Size")+1 {
				v.key = append(v.key, p[n:n+int(min(some, 8))]...)
			}
			v.skip, n = v.skip-some, n+int(some)
			if v.skip > 0 {
				return n, false, nil
			}
			done = v.end()
		} else {
			v.head[v.have] = p[n]
			v.have, n = v.have+1, n+1
			if v.have < headBytes(v.head[0]) {
				continue
			}
			if done, err = v.begin(); err != nil {
				return n, false, err
			}
		}
		if done {
			return n, true, nil
		}
	}
	return n, false, nil
}

// begin takes in a value whose head is complete; done says that it was the last.
func (v *values) begin() (done bool, err error) {
	children, content, err := v.form()
	v.have = 0
	if v.count++; err != nil {
		return false, err
	}
	top := len(v.open) == 1
	v.isKey = top && v.open[0]%2 == 0 && isText(v.head[0])
	v.key = v.key[:0]
	if v.sized {
		v.size, v.sizes = v.number(), v.sizes+1
		v.sized = false
	}
	switch {
	case int64(v.count)+children > maxValues || children > 0 && len(v.open) == maxDepth:
		return false, errValues
	case len(v.open) == 0 && !isMap(v.head[0]), top && v.open[0]%2 == 0 && !v.isKey:
		return false, errMessage // its fields could not be told apart
	case children > 0:
		v.open = append(v.open, children)
		return false, nil
	case content > 0:
		v.skip = content
		return false, nil
	}
	return v.end(), nil
}

// end closes the value that has ended, and all that end with it.
func (v *values) end() (done bool) {
	v.sized = v.isKey && string(v.key) == "Size"
	v.isKey = false
	for len(v.open) > 0 {
		last := &v.open[len(v.open)-1]
		if *last--; *last > 0 {
			return false
		}
		v.open = v.open[:len(v.open)-1]
	}
	return true
}

func isMap(b byte) bool { return b&0xf0 == 0x80 || b == 0xde || b == 0xdf }

// isText: byte strings too, which older encoders use for keys.
func isText(b byte) bool {
	return b&0xe0 == 0xa0 || b >= 0xd9 && b <= 0xdb || b >= 0xc4 && b <= 0xc6
}

// headBytes is how long the head of a value is that begins with a byte
// (MessagePack, "Formats"): with a number, or with the length of what follows.
func headBytes(first byte) int {
	switch first {
	case 0xcc, 0xd0, 0xc4, 0xc7, 0xd9:
		return 2
	case 0xcd, 0xd1, 0xc5, 0xc8, 0xda, 0xdc, 0xde:
		return 3
	case 0xca, 0xce, 0xd2, 0xc6, 0xc9, 0xdb, 0xdd, 0xdf:
		return 5
	case 0xcb, 0xcf, 0xd3:
		return 9
	}
	return 1
}

// form is how many values a value holds, and how many bytes of content.
func (v *values) form() (children, content int64, err error) {
	first, length := v.head[0], v.length()
	switch {
	case first&0xf0 == 0x80:
		return 2 * int64(first&0x0f), 0, nil
	case first&0xf0 == 0x90:
		return int64(first & 0x0f), 0, nil
	case first&0xe0 == 0xa0:
		return 0, int64(first & 0x1f), nil
	case first == 0xc1:
		return 0, 0, errMessage
	case first >= 0xc4 && first <= 0xc6, first >= 0xd9 && first <= 0xdb:
		return 0, length, nil
	case first >= 0xc7 && first <= 0xc9:
		return 0, length + 1, nil
	case first >= 0xd4 && first <= 0xd8:
		return 0, 1 + 1<<(first-0xd4), nil
	case first == 0xdc || first == 0xdd:
		return length, 0, nil
	case first == 0xde || first == 0xdf:
		return 2 * length, 0, nil
	}
	return 0, 0, nil
}

// length is the number in the head of a text, a list or a map.
func (v *values) length() int64 {
	switch headBytes(v.head[0]) {
	case 2:
		return int64(v.head[1])
	case 3:
		return int64(binary.BigEndian.Uint16(v.head[1:]))
	case 5:
		return int64(binary.BigEndian.Uint32(v.head[1:]))
	}
	return 0
}

// number is the whole number that the head holds; -1 if it is none, or below 0.
func (v *values) number() int64 {
	switch first := v.head[0]; {
	case first < 0x80:
		return int64(first)
	case first >= 0xcc && first <= 0xce:
		return v.length()
	case first == 0xcf || first == 0xd3:
		return max(int64(binary.BigEndian.Uint64(v.head[1:])), -1)
	case first == 0xd0:
		return max(int64(int8(v.head[1])), -1)
	case first == 0xd1:
		return max(int64(int16(binary.BigEndian.Uint16(v.head[1:]))), -1)
	case first == 0xd2:
		return max(int64(int32(binary.BigEndian.Uint32(v.head[1:]))), -1)
	}
	return -1
}
