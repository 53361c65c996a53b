package jinja

import (
	"strings"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Template is a text with blocks and expressions in it.
type Template struct {
	text           string
	nodes          []any
	filters, tests []string
}

type (
	output  struct{ x Expr }
	ifBlock struct {
		conds  []Expr
		bodies [][]any
		final  []any
	}
	forBlock struct {
		vars       []string
		in         Expr
		body, none []any
	}
	setBlock struct {
		name string
		x    Expr
	}
)

type blockParser struct {
	parser
	text string
}

// ParseTemplate reads a template with if, for, set and raw blocks; other blocks are refused.
func ParseTemplate(text string) (t *Template, err error) {
	defer guard(&err)
	if strings.Contains(text, "{#") && !strings.Contains(text, "#}") {
		syntax("Missing end of comment tag")
	}
	if strings.Contains(text, "-%}") || strings.Contains(text, "{%-") || strings.Contains(text, "{{-") || strings.Contains(text, "-}}") ||
		strings.Contains(text, "+%}") || strings.Contains(text, "{%+") {
		refuse("white space control in a template")
	}
	text = strings.TrimSuffix(text, "\n")
	b := &blockParser{text: text}
	b.toks = lex(text)
	nodes, end := b.body()
	if end != "" {
		syntax("Encountered unknown tag '%s'.", end)
	}
	return &Template{text, nodes, b.usedFilters, b.usedTests}, nil
}

// body reads up to a tag that is not an opening one and gives its name; "" at the end of the text.
func (b *blockParser) body() (nodes []any, end string) {
	for {
		t := b.next()
		switch t.Type {
		case tokens.EOF:
			return nodes, ""
		case tokens.Error:
			syntax("%s", t.Val)
		case tokens.Data:
			nodes = append(nodes, t.Val)
		case tokens.CommentBegin:
			for !b.is(tokens.CommentEnd, tokens.EOF, tokens.Error) {
				b.next()
			}
			b.expect(tokens.CommentEnd)
		case tokens.VariableBegin:
			b.checked(t, tokens.VariableEnd)
			nodes = append(nodes, output{b.expression()})
			b.expect(tokens.VariableEnd)
		case tokens.BlockBegin:
			b.checked(t, tokens.BlockEnd)
			tag := b.expect(tokens.Name).Val
			node := b.block(tag)
			if node == nil {
				return nodes, tag
			}
			nodes = append(nodes, node)
		default:
			syntax("unexpected %q", t.Val)
		}
	}
}

// checked compares the tokens up to the end of a block with the text.
func (b *blockParser) checked(open *tokens.Token, end tokens.Type) {
	for i := b.at; i < len(b.toks); i++ {
		switch b.toks[i].Type {
		case tokens.Error:
			syntax("%s", b.toks[i].Val)
		case tokens.EOF, end:
			part := append([]*tokens.Token{}, b.toks[b.at:i]...)
			check(b.text, open.Pos+2, append(part, &tokens.Token{Type: tokens.EOF, Pos: b.toks[i].Pos}))
			return
		}
	}
}

func (b *blockParser) block(tag string) any {
	switch tag {
	case "if":
		return b.ifBlock()
	case "for":
		return b.forBlock()
	case "set":
		s := setBlock{name: b.expect(tokens.Name).Val}
		if !b.is(tokens.Assign) {
			refuse("this form of a set block")
		}
		b.next()
		s.x = b.expression()
		b.expect(tokens.BlockEnd)
		return s
	case "raw":
		b.expect(tokens.BlockEnd)
		text := ""
		for b.is(tokens.Data) {
			text += b.next().Val
		}
		b.expect(tokens.BlockBegin)
		if b.expect(tokens.Name).Val != "endraw" {
			syntax("Missing end of raw directive")
		}
		b.expect(tokens.BlockEnd)
		return text
	case "elif", "else", "endif", "endfor":
		return nil
	}
	if strings.Contains(" block extends include import from macro call filter with autoescape print do ", " "+tag+" ") {
		refuse("the block %s", tag)
	}
	syntax("Encountered unknown tag '%s'.", tag)
	return nil
}

func (b *blockParser) ifBlock() any {
	n := ifBlock{}
	for {
		n.conds = append(n.conds, b.expression())
		b.expect(tokens.BlockEnd)
		body, end := b.body()
		n.bodies = append(n.bodies, body)
		if end == "elif" {
			continue
		}
		if end == "else" {
			b.expect(tokens.BlockEnd)
			n.final, end = b.body()
		}
		b.close(end, "endif")
		return n
	}
}

func (b *blockParser) forBlock() any {
	n := forBlock{}
	for {
		n.vars = append(n.vars, b.expect(tokens.Name).Val)
		if !b.skip(tokens.Comma) {
			break
		}
	}
	if !b.skipWord("in") {
		syntax("expected token 'in'")
	}
	n.in = b.or()
	if b.isWord("if") || b.isWord("recursive") || b.is(tokens.Comma) {
		refuse("this form of a for block")
	}
	b.expect(tokens.BlockEnd)
	var end string
	n.body, end = b.body()
	if end == "else" {
		b.expect(tokens.BlockEnd)
		n.none, end = b.body()
	}
	b.close(end, "endfor")
	return n
}

func (b *blockParser) close(got, want string) {
	if got != want {
		syntax("Unexpected end of template, %s expected", want)
	}
	b.expect(tokens.BlockEnd)
}

// CheckTemplate fails for unknown filters and tests and refuses those that are not supported.
func (env *Env) CheckTemplate(t *Template) error {
	return env.Check(&Program{filters: t.filters, tests: t.tests})
}

// Render gives the text of the template. An undefined value in it is an UndefinedError.
func (env *Env) Render(t *Template) (text string, err error) {
	defer guard(&err)
	env.check(&Program{filters: t.filters, tests: t.tests})
	var b strings.Builder
	scope := &Env{Names: map[string]any{}, Filters: env.Filters}
	for k, v := range env.Names {
		scope.Names[k] = v
	}
	scope.write(&b, t.nodes)
	return b.String(), nil
}

func (env *Env) write(b *strings.Builder, nodes []any) {
	for _, n := range nodes {
		switch n := n.(type) {
		case string:
			b.WriteString(n)
		case output:
			v := env.eval(n.x)
			if m, ok := v.(Markup); ok {
				v = string(m)
			}
			b.WriteString(Str(v))
		case setBlock:
			env.Names[n.name] = env.eval(n.x)
		case ifBlock:
			env.writeIf(b, n)
		case forBlock:
			env.writeFor(b, n)
		}
	}
}

func (env *Env) writeIf(b *strings.Builder, n ifBlock) {
	for i, c := range n.conds {
		if Truth(env.eval(c)) {
			env.write(b, n.bodies[i])
			return
		}
	}
	env.write(b, n.final)
}

func (env *Env) writeFor(b *strings.Builder, n forBlock) {
	l := iterate(env.eval(n.in))
	if len(l) == 0 {
		env.write(b, n.none)
	}
	for i, e := range l {
		inner := &Env{Names: map[string]any{}, Filters: env.Filters}
		for k, v := range env.Names {
			inner.Names[k] = v
		}
		inner.Names["loop"] = NewDict("index", i+1, "index0", i, "first", i == 0, "last", i == len(l)-1, "length", len(l),
			"revindex", len(l)-i, "revindex0", len(l)-i-1)
		if len(n.vars) == 1 {
			inner.Names[n.vars[0]] = e
		} else {
			parts := iterate(e)
			if len(parts) != len(n.vars) {
				Raise("ValueError", "wrong number of values to unpack (expected %d)", len(n.vars))
			}
			for j, v := range n.vars {
				inner.Names[v] = parts[j]
			}
		}
		inner.write(b, n.body)
	}
}
