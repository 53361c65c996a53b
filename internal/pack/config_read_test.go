package pack

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/config"
)

// A key that nothing reads promises something to a lab that sets it.
func TestEveryKeyOfTheConfigurationIsReadByTheProgramOfALab(t *testing.T) {
	read := selected(t)
	var walk func(path string, group reflect.Type)
	walk = func(path string, group reflect.Type) {
		for i := range group.NumField() {
			f := group.Field(i)
			key := path + f.Tag.Get("json")
			assert.True(t, read[field{group.Name(), f.Name}], "%s is a key of the configuration that no code reads", key)
			if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == group.PkgPath() {
				walk(key+".", f.Type)
			}
		}
	}
	walk("", reflect.TypeFor[config.Config]())
}

// field is a field of a struct of the package config.
type field struct{ group, name string }

// selected are the fields that the packages of cmd/laas name in an expression. In config itself what loads and checks a configuration does not count.
func selected(t *testing.T) map[field]bool {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles,Imports", "./cmd/laas")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	type pkg struct {
		ImportPath, Export, Dir string
		GoFiles, Imports        []string
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p pkg
		require.NoError(t, d.Decode(&p))
		all[p.ImportPath] = p
	}
	files := token.NewFileSet()
	compiled := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(all[path].Export) })
	const declares = module + "internal/config"
	read := map[field]bool{}
	for _, p := range all {
		if p.ImportPath != declares && !slices.Contains(p.Imports, declares) {
			continue
		}
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			parsed = append(parsed, f)
		}
		info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
		_, err := (&types.Config{Importer: compiled}).Check(p.ImportPath, files, parsed, info)
		require.NoError(t, err, p.ImportPath)
		for at, s := range info.Selections {
			if p.ImportPath == declares && filepath.Base(files.Position(at.Pos()).Filename) == "load.go" {
				continue
			}
			recv := s.Recv()
			if ptr, ok := recv.(*types.Pointer); ok {
				recv = ptr.Elem()
			}
			if n, ok := recv.(*types.Named); ok && s.Kind() == types.FieldVal && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == declares {
				read[field{n.Obj().Name(), s.Obj().Name()}] = true
			}
		}
	}
	return read
}
