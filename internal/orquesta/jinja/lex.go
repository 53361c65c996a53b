package jinja

import (
	"regexp"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// settings are those of Orquesta's and StackStorm's environments.
var settings = func() *config.Config {
	c := config.New()
	c.TrimBlocks, c.LeftStripBlocks, c.KeepTrailingNewline = true, true, true // ParseTemplate takes the last newline off
	return c
}()

// lex reads a template into tokens. gonja skips characters it does not know and breaks lines differently, so each token is
// checked against the text it was read from.
func lex(text string) []*tokens.Token {
	if strings.Contains(text, "\r") {
		refuse("a carriage return in a template")
	}
	stream := tokens.Lex(text, settings)
	var out []*tokens.Token
	for {
		t := stream.Current()
		out = append(out, t)
		if t.Type == tokens.EOF || t.Type == tokens.Error {
			return out
		}
		stream.Next()
	}
}

// lexExpression reads what stands between the braces.
func lexExpression(text string) []*tokens.Token {
	const open = "{{ "
	if strings.ContainsAny(text, "\r\n") {
		refuse("a line break inside an expression")
	}
	whole := open + text + " }}"
	toks := lex(whole)
	out := []*tokens.Token{}
	for _, t := range toks[1:] {
		switch t.Type {
		case tokens.Error:
			syntax("unexpected %s", t.Val)
		case tokens.VariableEnd:
			if t.Pos < len(open)+len(text) {
				syntax("unexpected '}'")
			}
			out = append(out, &tokens.Token{Type: tokens.EOF, Pos: t.Pos})
			check(whole, len(open), out)
			return out
		}
		out = append(out, t)
	}
	syntax("unexpected end of template")
	return nil
}

var (
	integerForm = regexp.MustCompile(`^([1-9][0-9]*|0+)$`)
	floatForm   = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	blank       = regexp.MustCompile(`^[ \t\n]*$`)
	anyText     = regexp.MustCompile(`(?s)^('([^'\\]|\\.)*'|"([^"\\]|\\.)*")`)
)

// check compares tokens with the text between from and the position of the last one. Texts are read anew.
func check(text string, from int, toks []*tokens.Token) {
	at := from
	for _, t := range toks {
		if t.Pos < at || !blank.MatchString(text[at:t.Pos]) {
			refuse("the character %q in an expression", strings.TrimSpace(text[at:max(t.Pos, at+1)]))
		}
		at = t.Pos
		switch t.Type {
		case tokens.EOF:
			return
		case tokens.String:
			raw := anyText.FindString(text[at:])
			if raw == "" {
				syntax("unexpected char %q", text[at])
			}
			t.Val = unescape(raw[1 : len(raw)-1])
			at += len(raw)
			continue
		case tokens.Integer:
			if !integerForm.MatchString(t.Val) {
				refuse("the number %s", t.Val)
			}
		case tokens.Float:
			if !floatForm.MatchString(t.Val) {
				refuse("the number %s", t.Val)
			}
		case tokens.Name:
			if !nameForm.MatchString(t.Val) {
				refuse("the name %q", t.Val)
			}
		case tokens.In, tokens.Is, tokens.And, tokens.Or, tokens.Not:
			t.Type = tokens.Name
		}
		if !strings.HasPrefix(text[at:], t.Val) {
			refuse("the expression %q", text[from:])
		}
		at += len(t.Val)
	}
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case '\\', '\'', '"':
			b.WriteByte(s[i])
		case 'd', 'w', 's', '.', '-', '[', ']', '(', ')', '/', '$', '^', '+', '*', '?', '|', '{', '}', ' ', 'D', 'W', 'S':
			b.WriteString(s[i-1 : i+1])
		default:
			refuse(`the escape \%c in a text`, s[i])
		}
	}
	return b.String()
}

func syntax(format string, args ...any) { Raise("TemplateSyntaxError", format, args...) }
