package lex

import (
	"errors"
	"io"
	"unicode/utf8"
)

const window = 64 << 10

// input is a sliding window over a stream. Offsets given to its methods count
// from the present position, so they stay right when the window moves.
type input struct {
	r      io.Reader
	buf    []byte
	pos    int // of the next unread byte in buf
	ended  bool
	err    error // of the reader, other than io.EOF
	offset int   // of buf[pos] in the text
	at     Pos   // of buf[pos]
	cr     bool  // the last byte passed was a carriage return
}

// peek is the byte at an offset, or -1 behind the end of the text.
func (in *input) peek(i int) int {
	if in.pos+i < len(in.buf) {
		return int(in.buf[in.pos+i])
	}
	return in.peekMore(i)
}

func (in *input) peekMore(i int) int {
	for in.pos+i >= len(in.buf) {
		if !in.fill() {
			return -1
		}
	}
	return int(in.buf[in.pos+i])
}

// fill reads more behind the window and reports whether there was any.
func (in *input) fill() bool {
	if in.ended {
		return false
	}
	if in.pos > 0 {
		in.buf = in.buf[:copy(in.buf, in.buf[in.pos:])]
		in.pos = 0
	}
	if len(in.buf) == cap(in.buf) {
		grown := make([]byte, len(in.buf), max(in.window(), 2*cap(in.buf)))
		copy(grown, in.buf)
		in.buf = grown
	}
	for range 100 {
		n, err := in.r.Read(in.buf[len(in.buf):cap(in.buf)])
		in.buf = in.buf[:len(in.buf)+n]
		if err != nil {
			in.ended = true
			if !errors.Is(err, io.EOF) {
				in.err = err
			}
			return n > 0
		}
		if n > 0 {
			return true
		}
	}
	in.ended, in.err = true, io.ErrNoProgress
	return false
}

// window is the size of the first window: no more than the text, where the
// reader knows its length as those of strings do, with room to see its end.
func (in *input) window() int {
	if r, knows := in.r.(interface{ Len() int }); knows {
		return min(window, r.Len()+1)
	}
	return window
}

// runeAt decodes the character at an offset. Behind the end its size is 0,
// for invalid UTF-8 it is utf8.RuneError with size 1.
func (in *input) runeAt(i int) (r rune, size int) {
	c := in.peek(i)
	if c < 0 {
		return -1, 0
	}
	if c < utf8.RuneSelf {
		return rune(c), 1
	}
	in.peek(i + utf8.UTFMax - 1) // brings the rest of the character in, if there is one
	return utf8.DecodeRune(in.buf[in.pos+i:])
}

// text is the next n bytes, which must have been peeked.
func (in *input) text(n int) []byte { return in.buf[in.pos : in.pos+n] }

// plain is the text between the present character and a closing one, if all of
// it is in the window, ASCII and of no forbidden class (which the closing one
// may be). Most tokens are like that and need no look at each character.
func (in *input) plain(closing byte, forbidden uint8, limit int) (text []byte, ok bool) {
	rest := in.buf[min(in.pos+1, len(in.buf)):]
	rest = rest[:min(len(rest), limit)]
	for i, c := range rest {
		if c >= utf8.RuneSelf || ascii[c]&forbidden != 0 {
			return rest[:i], c == closing
		}
	}
	return nil, false
}

// skip passes n bytes, which must have been peeked. A line ends with "\n",
// "\r\n" or "\r".
func (in *input) skip(n int) {
	for _, c := range in.buf[in.pos : in.pos+n] {
		switch {
		case c == '\n' && in.cr:
			in.cr = false
			continue
		case c == '\n' || c == '\r':
			in.at.Line++
			in.at.Col = 1
		case c&0xC0 != 0x80:
			in.at.Col++
		}
		in.cr = c == '\r'
	}
	in.pos += n
	in.offset += n
}

// skipInLine passes n bytes of ASCII without line ends.
func (in *input) skipInLine(n int) {
	in.cr = false
	in.at.Col += n
	in.pos += n
	in.offset += n
}
