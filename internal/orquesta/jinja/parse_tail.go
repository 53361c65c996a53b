package jinja

import "github.com/nikolalohinski/gonja/v2/tokens"

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(e Expr) Expr {
	for {
		switch {
		case p.skip(tokens.Dot):
			t := p.next()
			switch t.Type {
			case tokens.Name:
				e = &attribute{e, t.Val}
			case tokens.Integer:
				e = &item{e, &constant{number(t.Val)}}
			default:
				syntax("expected name or number")
			}
		case p.skip(tokens.LeftBracket):
			e = p.subscript(e)
		case p.is(tokens.LeftParenthesis):
			args, kwargs := p.arguments()
			e = &call{e, args, kwargs}
		default:
			return e
		}
	}
}

func (p *parser) subscript(e Expr) Expr {
	if p.is(tokens.RightBracket) {
		refuse("an empty subscript")
	}
	var from Expr
	if !p.is(tokens.Colon) {
		from = p.expression()
		if p.skip(tokens.RightBracket) {
			return &item{e, from}
		}
	}
	if p.is(tokens.Comma) {
		refuse("a subscript with a comma")
	}
	p.expect(tokens.Colon)
	s := &slice{x: e, from: from}
	if !p.is(tokens.Colon, tokens.RightBracket, tokens.Comma) {
		s.to = p.expression()
	}
	if p.skip(tokens.Colon) && !p.is(tokens.RightBracket, tokens.Comma) {
		s.step = p.expression()
	}
	if p.is(tokens.Comma) {
		refuse("a subscript with a comma")
	}
	p.expect(tokens.RightBracket)
	return s
}

// filters reads filters, tests and calls of what they gave.
func (p *parser) filters(e Expr) Expr {
	for {
		switch {
		case p.skip(tokens.Pipe):
			f := &filter{x: e, name: p.dotted()}
			p.usedFilters = append(p.usedFilters, f.name)
			if p.is(tokens.LeftParenthesis) {
				f.args, f.kwargs = p.arguments()
			}
			e = f
		case p.skipWord("is"):
			e = p.test(e)
		case p.is(tokens.LeftParenthesis):
			args, kwargs := p.arguments()
			e = &call{e, args, kwargs}
		default:
			return e
		}
	}
}

func (p *parser) dotted() string {
	id := p.expect(tokens.Name).Val
	for p.skip(tokens.Dot) {
		id += "." + p.expect(tokens.Name).Val
	}
	return id
}

func (p *parser) test(e Expr) Expr {
	negated := p.skipWord("not")
	t := &test{x: e, name: p.dotted()}
	p.usedTests = append(p.usedTests, t.name)
	switch {
	case p.is(tokens.LeftParenthesis):
		var kwargs map[string]Expr
		if t.args, kwargs = p.arguments(); len(kwargs) > 0 {
			refuse("a test with named arguments")
		}
	case p.isWord("else") || p.isWord("or") || p.isWord("and"):
	case p.is(tokens.Name, tokens.String, tokens.Integer, tokens.Float, tokens.LeftBracket, tokens.LeftBrace):
		if p.isWord("is") {
			syntax("You cannot chain multiple tests with is")
		}
		t.args = []Expr{p.postfix(p.primary())}
	}
	if negated {
		return &unary{"not", t}
	}
	return t
}

func (p *parser) arguments() (args []Expr, kwargs map[string]Expr) {
	p.expect(tokens.LeftParenthesis)
	kwargs = map[string]Expr{}
	for first := true; !p.is(tokens.RightParenthesis); first = false {
		if !first {
			p.expect(tokens.Comma)
			if p.is(tokens.RightParenthesis) {
				break
			}
		}
		switch {
		case p.is(tokens.Multiply, tokens.Power):
			refuse("a call with * or **")
		case p.is(tokens.Name) && p.look().Type == tokens.Assign:
			key := p.next().Val
			p.next()
			if _, twice := kwargs[key]; twice {
				refuse("the argument %s given twice", key)
			}
			kwargs[key] = p.expression()
		case len(kwargs) > 0:
			syntax("invalid syntax for function call expression")
		default:
			args = append(args, p.expression())
		}
	}
	p.expect(tokens.RightParenthesis)
	return args, kwargs
}
