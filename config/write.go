package config

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// WriteYAML writes c as a file that Parse reads back as c, each key with what it is and its default. Secrets are not
// written.
func (c *Config) WriteYAML(w io.Writer) error {
	var out bytes.Buffer
	out.WriteString("# The effective configuration of touchfold.\n")
	var open []string // the section that is being written
	for _, k := range c.keys() {
		if k.secret {
			continue
		}
		names := strings.Split(k.path, ".")
		section, name := names[:len(names)-1], names[len(names)-1]
		same := 0
		for same < len(open) && same < len(section) && open[same] == section[same] {
			same++
		}
		for depth := same; depth < len(section); depth++ {
			fmt.Fprintf(&out, "%s%s:\n", indent(depth), section[depth])
		}
		open = section
		in := indent(len(section))
		fmt.Fprintf(&out, "%s# %s (default: %s)\n", in, k.doc, k.initialYAML())
		fmt.Fprintf(&out, "%s%s: %s\n", in, name, k.value.yaml())
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (k key) initialYAML() string {
	switch {
	case k.value.isList:
		return "[" + k.initial + "]"
	case k.initial == "":
		return "none"
	}
	return k.initial
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

// What needs no quotes: it is no number, no date and no word that YAML has a meaning for.
var (
	plain    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._/-]*$`)
	reserved = regexp.MustCompile(`(?i)^(null|true|false|yes|no|on|off|y|n)$`)
)

// quote is text as YAML. Go's escapes are also those of YAML's double quotes.
func quote(text string) string {
	if plain.MatchString(text) && !reserved.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}
