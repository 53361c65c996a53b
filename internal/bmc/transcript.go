package bmc

import (
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Printable passes on what a device writes as text that does nothing to a terminal: letters, blanks, tabs, line ends and carriage returns. Escape
// sequences, other control characters and what is not UTF-8 are left out; a sequence that moves the cursor to another line becomes a line end.
type Printable struct {
	Out io.Writer
	// in is the sequence that the text is in the middle of.
	in sequence
	// rest is the beginning of a character whose end has not come yet.
	rest []byte
}

type sequence int

const (
	inText    sequence = iota
	inEscape           // after ESC
	inCharset          // after ESC and a character that one more belongs to
	inControl          // after ESC [, to its final character
	inString           // after ESC and one of ] P X ^ _, to BEL or the next ESC
)

// Write implements io.Writer.
func (p *Printable) Write(text []byte) (int, error) {
	var out []byte
	p.rest = append(p.rest, text...)
	for len(p.rest) > 0 {
		if !utf8.FullRune(p.rest) {
			break
		}
		r, size := utf8.DecodeRune(p.rest)
		p.rest = p.rest[size:]
		if r == utf8.RuneError && size == 1 {
			continue
		}
		if r = p.next(r); r >= 0 {
			out = utf8.AppendRune(out, r)
		}
	}
	if len(out) > 0 {
		if _, err := p.Out.Write(out); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

// next gives what is to be written for a character, or -1. A line end ends every sequence: a broken one must not swallow what follows.
func (p *Printable) next(r rune) rune {
	switch {
	case r == '\n':
		p.in = inText
		return r
	case r == 0x1b:
		p.in = inEscape
		return -1
	}
	switch p.in {
	case inEscape:
		switch {
		case r == '[':
			p.in = inControl
		case strings.ContainsRune("]PX^_", r):
			p.in = inString
		case r >= 0x20 && r < 0x30:
			p.in = inCharset
		default:
			p.in = inText
		}
		return -1
	case inCharset:
		p.in = inText
		return -1
	case inControl:
		if r < 0x40 || r > 0x7e {
			return -1
		}
		p.in = inText
		if strings.ContainsRune("HfEFd", r) {
			return '\n'
		}
		return -1
	case inString:
		if r == 0x07 {
			p.in = inText
		}
		return -1
	}
	if r == '\t' || r == '\r' || unicode.IsPrint(r) {
		return r
	}
	return -1
}

// Transcript keeps the last of what a device writes, as printable text. It is for several goroutines.
type Transcript struct {
	// Limit is how many bytes are kept.
	Limit int

	mu        sync.Mutex
	printable *Printable
	text      []byte
	// line is the one that is being written. After a carriage return it is written over.
	line []byte
	over bool
}

// Write implements io.Writer.
func (t *Transcript) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.printable == nil {
		t.printable = &Printable{Out: (*lines)(t)}
	}
	return t.printable.Write(text)
}

// Note writes a line of the pack's own. It ends whatever the device is in the middle of.
func (t *Transcript) Note(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.printable = nil
	t.endLine()
	t.line = append(t.line, line...)
	t.endLine()
}

// String is what is kept: whole lines, and the one that is being written.
func (t *Transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := string(t.text) + string(t.line)
	if len(all) > t.Limit {
		all = all[len(all)-t.Limit:]
		for len(all) > 0 && !utf8.RuneStart(all[0]) {
			all = all[1:]
		}
	}
	return all
}

func (t *Transcript) endLine() {
	line := append([]byte(strings.TrimRight(string(t.line), " \t")), '\n')
	t.line, t.over = t.line[:0], false
	if len(line) == 1 && (len(t.text) == 0 || strings.HasSuffix(string(t.text), "\n\n")) { // screens are cleared with many empty lines
		return
	}
	t.text = append(t.text, line...)
	if cut := len(t.text) - t.Limit; cut > 0 {
		t.text = append([]byte(nil), t.text[cut:]...)
	}
}

// lines takes printable text into a transcript that is locked.
type lines Transcript

func (l *lines) Write(text []byte) (int, error) {
	t := (*Transcript)(l)
	for _, b := range text {
		switch {
		case b == '\n':
			t.endLine()
		case b == '\r':
			t.over = true
		default:
			if t.over {
				t.line, t.over = t.line[:0], false
			}
			if t.line = append(t.line, b); len(t.line) > 2*t.Limit {
				t.line = append([]byte(nil), t.line[len(t.line)-t.Limit:]...)
			}
		}
	}
	return len(text), nil
}
