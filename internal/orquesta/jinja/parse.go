package jinja

import "github.com/nikolalohinski/gonja/v2/tokens"

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
