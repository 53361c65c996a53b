package jinja

import (
	"strconv"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Expr is a node of a parsed expression.
type Expr interface{}

// Program is a parsed expression with the names of the filters and tests in it, which Jinja2 looks up before it evaluates.
type Program struct {
	root           Expr
	filters, tests []string
}

// Check fails as Jinja2's compiler does for unknown filters and tests, and refuses those that are not supported.
func (env *Env) Check(p *Program) (err error) {
	defer guard(&err)
	env.check(p)
	return nil
}

func (env *Env) check(p *Program) {
	for _, f := range p.filters {
		if _, own := env.Filters[f]; !own && !knownFilter(f) {
			Raise("TemplateAssertionError", "No filter named '%s'.", f)
		}
	}
	for _, t := range p.tests {
		if !knownTest(t) {
			Raise("TemplateAssertionError", "No test named '%s'.", t)
		}
	}
}

type (
	constant struct{ v any }
	name     struct{ id string }
	list     struct {
		items []Expr
		tuple bool
	}
	dict  struct{ keys, vals []Expr }
	unary struct {
		op string
		x  Expr
	}
	binary struct {
		op   string
		l, r Expr
	}
	concat  struct{ parts []Expr }
	compare struct {
		first Expr
		ops   []string
		rest  []Expr
	}
	conditional struct{ cond, yes, no Expr }
	attribute   struct {
		x    Expr
		name string
	}
	item  struct{ x, key Expr }
	slice struct{ x, from, to, step Expr }
	call  struct {
		f      Expr
		args   []Expr
		kwargs map[string]Expr
	}
	filter struct {
		x      Expr
		name   string
		args   []Expr
		kwargs map[string]Expr
	}
	test struct {
		x    Expr
		name string
		args []Expr
	}
)

type parser struct {
	toks                   []*tokens.Token
	at                     int
	usedFilters, usedTests []string
}

func (p *parser) cur() *tokens.Token { return p.toks[p.at] }

func (p *parser) look() *tokens.Token {
	if p.at+1 < len(p.toks) {
		return p.toks[p.at+1]
	}
	return p.toks[len(p.toks)-1]
}

func (p *parser) next() *tokens.Token {
	t := p.cur()
	if p.at < len(p.toks)-1 {
		p.at++
	}
	return t
}

func (p *parser) is(types ...tokens.Type) bool {
	for _, t := range types {
		if p.cur().Type == t {
			return true
		}
	}
	return false
}

func (p *parser) skip(t tokens.Type) bool {
	if p.cur().Type == t {
		p.next()
		return true
	}
	return false
}

func (p *parser) isWord(word string) bool { return p.cur().Type == tokens.Name && p.cur().Val == word }

func (p *parser) skipWord(word string) bool {
	if p.isWord(word) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(t tokens.Type) *tokens.Token {
	if p.cur().Type != t {
		syntax("unexpected %q", p.cur().Val)
	}
	return p.next()
}

// ParseExpression reads one whole expression, as environment.compile_expression does.
func ParseExpression(text string) (prog *Program, err error) {
	defer guard(&err)
	p := &parser{toks: lexExpression(text)}
	e := p.expression()
	if !p.is(tokens.EOF) {
		syntax("chunk after expression")
	}
	return &Program{e, p.usedFilters, p.usedTests}, nil
}

// ParsePrefix reads an expression and ignores what follows it, as Orquesta's inspection does.
func ParsePrefix(text string) (err error) {
	defer guard(&err)
	p := &parser{toks: lexExpression(text)}
	p.expression()
	return nil
}

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
