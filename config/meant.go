package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events/spell"
)

// paths are those of all keys that anybody may write anywhere.
func (l *loader) paths() []string {
	var paths []string
	for _, k := range l.keys {
		if !k.secret {
			paths = append(paths, k.path)
		}
	}
	return paths
}

// sections are the paths that have keys beneath them.
func (l *loader) sections() []string {
	var sections []string
	for _, path := range l.paths() {
		for i, letter := range path {
			if letter == '.' && !slices.Contains(sections, path[:i]) {
				sections = append(sections, path[:i])
			}
		}
	}
	return sections
}

// meant is a hint at which of the paths was probably meant: one spelled nearly so, or so called in another section.
func meant(path string, paths []string) string {
	if hint := DidYouMean(path, paths); hint != "" {
		return hint
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	for _, p := range paths {
		if strings.HasSuffix(p, "."+name) {
			return fmt.Sprintf("; did you mean %s?", p)
		}
	}
	return ""
}

// DidYouMean is a hint at the nearest of the names, "; did you mean NAME?", or "" if none is near.
func DidYouMean(word string, names []string) string {
	folded := foldName(word)
	best, least := "", 2+len(folded)/6
	for _, name := range names {
		if d := spell.Distance(folded, foldName(name)); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// foldName makes idKeyFile, id-key-file and id_key_file one.
func foldName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}
