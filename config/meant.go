package config

import (
	"fmt"
	"slices"
	"strings"
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
		if d := Distance(folded, foldName(name)); d < least {
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

// Distance is Levenshtein's: the least number of bytes to insert, remove or replace.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
