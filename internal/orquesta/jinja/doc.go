// Package jinja evaluates Jinja expressions and templates with the values, the order of dicts and the exceptions that Jinja2 on
// Python gives them, because st2 acts on all three: a number stays a number, a dict prints as Python prints it, and an undefined
// name fails the way StrictUndefined does.
//
// gonja reads the text (its lexer finds delimiters, blocks and tokens). Its parser and evaluator are not used: they lose
// parentheses in comparisons, have no nested conditionals, sort dict keys and take undefined values for errors. What this package
// does not know to be the same as in Jinja2 it refuses with *Unsupported instead of guessing; TestRealJinja2 holds the rest to
// the original.
package jinja
