package jinja

import (
	"strconv"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

// The methods of this file are the rules of Jinja2's grammar of expressions, each one binding more tightly than the one before it.

func (p *parser) expression() Expr {
	e := p.or()
	for p.skipWord("if") {
		cond := p.or()
		var no Expr
		if p.skipWord("else") {
			no = p.expression()
		}
		e = &conditional{cond, e, no}
	}
	return e
}

func (p *parser) or() Expr {
	l := p.and()
	for p.skipWord("or") {
		l = &binary{"or", l, p.and()}
	}
	return l
}

func (p *parser) and() Expr {
	l := p.not()
	for p.skipWord("and") {
		l = &binary{"and", l, p.not()}
	}
	return l
}

func (p *parser) not() Expr {
	if p.skipWord("not") {
		return &unary{"not", p.not()}
	}
	return p.compare()
}

var comparisons = map[tokens.Type]string{
	tokens.Equals: "==", tokens.Ne: "!=", tokens.GreaterThan: ">", tokens.GreaterThanOrEqual: ">=",
	tokens.LowerThan: "<", tokens.LowerThanOrEqual: "<=",
}

func (p *parser) compare() Expr {
	c := &compare{first: p.sum()}
	for {
		op, ok := comparisons[p.cur().Type]
		switch {
		case ok:
			p.next()
		case p.skipWord("in"):
			op = "in"
		case p.isWord("not") && p.look().Type == tokens.Name && p.look().Val == "in":
			p.next()
			p.next()
			op = "not in"
		case len(c.ops) == 0:
			return c.first
		default:
			return c
		}
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, p.sum())
	}
}

func (p *parser) sum() Expr {
	l := p.concat()
	for p.is(tokens.Addition, tokens.Subtraction) {
		op := p.next().Val
		l = &binary{op, l, p.concat()}
	}
	return l
}

func (p *parser) concat() Expr {
	parts := []Expr{p.product()}
	for p.skip(tokens.Tilde) {
		parts = append(parts, p.product())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &concat{parts}
}

func (p *parser) product() Expr {
	l := p.power()
	for p.is(tokens.Multiply, tokens.Division, tokens.FloorDivision, tokens.Modulo) {
		op := p.next().Val
		l = &binary{op, l, p.power()}
	}
	return l
}

func (p *parser) power() Expr {
	l := p.unary(true)
	for p.skip(tokens.Power) {
		l = &binary{"**", l, p.unary(true)}
	}
	return l
}

func (p *parser) unary(filters bool) Expr {
	var e Expr
	switch {
	case p.skip(tokens.Subtraction):
		e = &unary{"-", p.unary(false)}
	case p.skip(tokens.Addition):
		e = &unary{"+", p.unary(false)}
	default:
		e = p.primary()
	}
	e = p.postfix(e)
	if filters {
		e = p.filters(e)
	}
	return e
}

func (p *parser) primary() Expr {
	t := p.next()
	switch t.Type {
	case tokens.Name:
		switch t.Val {
		case "true", "True":
			return &constant{true}
		case "false", "False":
			return &constant{false}
		case "none", "None":
			return &constant{nil}
		}
		return &name{t.Val}
	case tokens.String:
		text := t.Val
		for p.is(tokens.String) {
			text += p.next().Val
		}
		return &constant{text}
	case tokens.Integer:
		return &constant{number(t.Val)}
	case tokens.Float:
		f, _ := strconv.ParseFloat(t.Val, 64)
		return &constant{f}
	case tokens.LeftParenthesis:
		e := p.tuple(tokens.RightParenthesis)
		p.expect(tokens.RightParenthesis)
		return e
	case tokens.LeftBracket:
		return &list{items: p.items(tokens.RightBracket)}
	case tokens.LeftBrace:
		return p.dict()
	}
	syntax("unexpected %q", t.Val)
	return nil
}

func (p *parser) tuple(end tokens.Type) Expr {
	var items []Expr
	for comma := false; ; comma = true {
		if p.is(end) && (comma || len(items) == 0) {
			return &list{items, true}
		}
		items = append(items, p.expression())
		if !p.skip(tokens.Comma) {
			if len(items) == 1 {
				return items[0]
			}
			return &list{items, true}
		}
	}
}

func (p *parser) items(end tokens.Type) []Expr {
	var items []Expr
	for !p.is(end) {
		if len(items) > 0 {
			p.expect(tokens.Comma)
			if p.is(end) {
				break
			}
		}
		items = append(items, p.expression())
	}
	p.expect(end)
	return items
}

func (p *parser) dict() Expr {
	d := &dict{}
	for !p.is(tokens.RightBrace) {
		if len(d.keys) > 0 {
			p.expect(tokens.Comma)
			if p.is(tokens.RightBrace) {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.expect(tokens.Colon)
		d.vals = append(d.vals, p.expression())
	}
	p.expect(tokens.RightBrace)
	return d
}
