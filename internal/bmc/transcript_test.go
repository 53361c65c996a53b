package bmc_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
)

func TestATranscriptIsPrintableText(t *testing.T) {
	for name, c := range map[string]struct{ device, want string }{
		"lines":                          {"one\r\ntwo\r\n", "one\ntwo\n"},
		"the line that is being written": {"one\r\nhpe1 login: ", "one\nhpe1 login: "},
		"colours":                        {"\x1b[1;31mred\x1b[0m and \x1b[38;5;9mmore\x1b[m\n", "red and more\n"},
		"a cursor that is moved is on a new line": {"\x1b[2J\x1b[1;1HSet-up\x1b[12;4HBoot", "Set-up\nBoot"},
		"a title":                           {"\x1b]0;owned\x07shell\x1bP1;2q\x1b\\x\n", "shellx\n"},
		"a character set":                   {"\x1b(Bplain\n", "plain\n"},
		"a sequence without end":            {"\x1b]0;never\nnext\n", "next\n"},
		"other control characters":          {"a\x00b\x07c\bd\x7f\n", "abcd\n"},
		"C1 control characters":             {"a\u009b31mb\n", "a31mb\n"},
		"text that turns around":            {"a\u202eb\n", "ab\n"},
		"what is not UTF-8":                 {"a\xff\xfeb\xc3\n", "ab\n"},
		"letters of every kind":             {"Grüße €\n", "Grüße €\n"},
		"a percentage that is written over": {"10%\r20%\r30%\r\ndone\n", "30%\ndone\n"},
		"many empty lines":                  {"a\n\n\n\n\n\nb\n", "a\n\nb\n"},
		"templates stay as they are":        {"{{ st2kv.system.x }} <% $ %>\n", "{{ st2kv.system.x }} <% $ %>\n"},
	} {
		t.Run(name, func(t *testing.T) {
			whole, pieces := bmc.Transcript{Limit: 100}, bmc.Transcript{Limit: 100}
			n, err := whole.Write([]byte(c.device))
			require.NoError(t, err)
			assert.Equal(t, len(c.device), n)
			assert.Equal(t, c.want, whole.String())
			for i := range len(c.device) {
				_, err := pieces.Write([]byte(c.device[i : i+1]))
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, pieces.String(), "in pieces")
		})
	}
}

func TestATranscriptKeepsTheLastOfIt(t *testing.T) {
	tr := bmc.Transcript{Limit: 1000}
	for i := range 500 {
		_, err := fmt.Fprintf(&tr, "line %d\r\n", i)
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, len(tr.String()), 1000)
	assert.True(t, strings.HasSuffix(tr.String(), "line 498\nline 499\n"))

	_, err := tr.Write([]byte(strings.Repeat("€", 5000)))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(tr.String()), 1000)
	assert.Greater(t, len(tr.String()), 990)
	assert.True(t, utf8.ValidString(tr.String()), "no character is cut")
}

func TestANoteEndsWhatTheDeviceIsInTheMiddleOf(t *testing.T) {
	tr := bmc.Transcript{Limit: 100}
	_, err := tr.Write([]byte("half a line\x1b]0;title"))
	require.NoError(t, err)
	tr.Note("[second try]")
	_, err = tr.Write([]byte("and on\n"))
	require.NoError(t, err)
	assert.Equal(t, "half a line\n[second try]\nand on\n", tr.String())
}
