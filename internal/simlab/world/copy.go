package world

import "slices"

// Clone gives a copy that has nothing in common with this tree any more.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &FS{root: f.root.clone()}
}

func (n *node) clone() *node {
	c := *n
	c.data = slices.Clone(n.data)
	if n.children != nil {
		c.children = map[string]*node{}
		for name, child := range n.children {
			c.children[name] = child.clone()
		}
	}
	return &c
}

// size adds up the sizes of all files.
func (f *FS) size() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.root.size()
}

func (n *node) size() int64 {
	sum := int64(len(n.data))
	for _, child := range n.children {
		sum += child.size()
	}
	return sum
}
