// Package laas is the pack's metadata as StackStorm reads it, for a program that has to know it wherever it is run.
package laas

import "embed"

// Actions are the files that declare actions and workflows, actions/NAME.yaml.
//
//go:embed actions/*.yaml
var Actions embed.FS
