package orquesta

import (
	"strings"
	"testing"
)

func TestRealJinja2AgreesOnGrammarAndTemplates(t *testing.T) {
	w := work{Vars: fuzzVars(), Expressions: strings.Split(strings.TrimSpace(`
1 + 2 is odd
(1 + 2) is odd
-1 is odd
not 1 is odd
1 < 2 < 3 < 2
1 < 2 == true
(1 < 2) == true
1 in [1, 2] and 3 not in [1, 2]
not not true
not true or true
1 + 2 * 3 ** 2 ** 1 // 4 % 3
2 ** 3 ** 2
-2 ** 2
'a' ~ 1 + 2 ~ 'b'
1 ~ 2 * 3
'a' 'b' ~ 'c'
1 if false else 2 if true else 3
(1 if false)
'x' if d.n > 3 and d.nope is not defined else 'y'
d.n | string | length + 1
d.n + 1 | string | length
[1, 2, 3,]
(1,)
()
{'a': 1, 'b': {'c': [1, {'d': 2}]},}
{'a': 1}.a
{'a': {'b': [5, 6]}}['a'].b[1]
d['list'][2]
d.list.0
hosts[0]['deep'].x[1]
hosts | map(attribute='deep') | map(attribute='x') | map('last') | join(', ')
hosts | selectattr('cpu', 'eq', 4) | rejectattr('up') | map(attribute='name') | first
hosts | map('upper') | list
hosts | map('default', 1) | list | length
hosts | sort(attribute='name') | map(attribute='name') | list
hosts | groupby('cpu')
hosts | sum(attribute='cpu') / 2
range(2, 10, 3) | list
range(3) | map('string') | join
d.items
d.items() | list
d.get('items')
d.keys() | list | sort
'a.b.c'.split('.')[-1]
'%s-%03d' % ('n', 7)
'%5s|%-5s|%.2f|%x' | format('a', 'b', 1.005, 255)
'a\tb\n\'q\''
'a\\b' ~ '\d'
"it's" ~ 'say "x"'
d.nothing is none or d.nothing.x
[none, '', 0, 'x'] | select | first
[] | first | default('none')
[] | max | default(0)
'x' | default
nothing_here | default(d.name)
nothing_here.x | default(1)
(nothing_here or 1)
nothing_here is defined and nothing_here.x
[[1, 2], [3]] | sum(start=[])
'abc' | list | reverse | join
'abc'[::-1]
'abc' | first ~ 'z'
1.0 == 1 and true == 1
[1, 2] == [1.0, 2.0]
(1, 2) == [1, 2]
{'a': 1} == {'a': 1.0}
1e3
1_000
0.1 + 0.2
1e16
123456789.123456789
1 / 3
7 // 2 ~ -7 // 2 ~ 7 % -3
5 | round(2)
2.5 | round
3.5 | round | int
'é' | length
'abc' in 'xabcx'
l is iterable and l is sequence and d is mapping
l | join(d.nope)
dict(a=1)
d | tojson | length
a b
1 +
(1
[1
{'a' 1}
f(a b)
'x
d.
| upper
true true
x is
not
1 = 2
f(a=1, 2)
f(*l)
loop.index
lambda
`), "\n"), Templates: []string{
		"plain", "a {{ d.name }} b", "{{ d.missing }}", "{{ none }}{{ true }}{{ 1.0 }}", "a\n", "a\n\n", "{{ d.n }}\n",
		"{% if d.n > 3 %}big{% elif d.n > 1 %}mid{% else %}small{% endif %}", "{% if d.missing is defined %}x{% endif %}",
		"{% for h in hosts %}{{ loop.index }}:{{ h.name }}{% if not loop.last %}, {% endif %}{% endfor %}",
		"{% for h in hosts %}\nhost {{ h.name }}\n{% endfor %}\nend\n", "x\n  {% for h in l %}\n  - {{ h }}\n  {% endfor %}\ny",
		"{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for x in [] %}a{% else %}none{% endfor %}",
		"{% set x = d.n * 2 %}{{ x }}", "{% set x = 1 %}{% for i in l %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}",
		"{% for i in range(3) %}{{ i }}{{ loop.first }}{{ loop.revindex }}{% endfor %}",
		"{% raw %}{{ x }}{% endraw %}!", "a{# gone #}b", "a\n{# gone #}\nb", "{% if true %}\n{{ d.n }}\n{% endif %}\n",
		"{{ {'a': {'b': 1}} }}", "{{ '}}' }}", "{{ d\n.n }}", "{{ hosts | map(attribute='name') | join(' ') }}",
		"{% if %}x{% endif %}", "{% for in l %}{% endfor %}", "{% if true %}x", "{% nosuch %}", "{% endif %}", "{{ 1 + }}", "{{ d.n ", "{ { } } %} }}",
		"{% for i in l %}{% for j in l %}{{ loop.index0 }}{{ j }}{% endfor %}{{ loop.index0 }}{% endfor %}",
		"{% if d.n == 5 and l %}{{ l | join }}{% endif %}", "{{ d | tojson }}", "{{ d.items | upper }}",
		"  {% if true %}x{% endif %}  ", "a  {{ 1 }}  b", "{% if true -%}  x{% endif %}", "{%- if true %}x{% endif %}",
	}}
	for _, refused := range compareWithReal(t, w) {
		t.Log(refused)
	}
}
