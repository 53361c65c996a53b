package orquesta

import (
	"slices"

	"stackstorm-laas/internal/orquesta/jinja"
)

// merge puts right into left: dicts go into dicts, key by key and deep; anything else replaces.
func merge(left, right *jinja.Dict) *jinja.Dict {
	for _, k := range right.Keys() {
		v, _ := right.Get(k)
		old, _ := left.Get(k)
		l, isLeft := old.(*jinja.Dict)
		r, isRight := v.(*jinja.Dict)
		if isLeft && isRight {
			merge(l, r)
		} else {
			left.Set(k, v)
		}
	}
	return left
}

// mergedKey is a dict in a stored context.
type mergedKey struct {
	context int
	name    string
}

// context merges stored contexts in their order. Orquesta merges a dict into the stored one itself, so that a branch can come to
// see what another published; where that could show, the workflow is refused.
func (c *Conductor) context(indexes []int) *jinja.Dict {
	out := jinja.NewDict()
	owner := map[string]int{}
	for _, i := range indexes {
		stored := c.contexts[i]
		for _, k := range stored.Keys() {
			v := jinja.Copy(first2(stored.Get(k)))
			old, _ := out.Get(k)
			l, isLeft := old.(*jinja.Dict)
			r, isRight := v.(*jinja.Dict)
			if isLeft && isRight {
				key := mergedKey{owner[k], k}
				if !slices.Contains(c.merged[key], i) && i != owner[k] && r.Len() > 0 {
					c.merged[key] = append(c.merged[key], i)
				}
				merge(l, r)
				continue
			}
			for _, j := range c.merged[mergedKey{i, k}] {
				if !slices.Contains(indexes, j) {
					c.refuse("a dict published over the dict " + k + " on one of several branches")
				}
			}
			out.Set(k, v)
			owner[k] = i
		}
	}
	return out
}

func first2(v any, _ bool) any { return v }

// withoutRoot leaves out the common start.
func withoutRoot(indexes []int) []int {
	if i := slices.Index(indexes, 0); i >= 0 {
		return slices.Delete(slices.Clone(indexes), i, i+1)
	}
	return indexes
}
