package config

import (
	"fmt"
	"strings"
)

// meantKey is a hint at the key that was probably meant by path.
func (l *loader) meantKey(path string) string {
	var paths []string
	for _, k := range l.keys {
		if k.secret {
			continue
		}
		paths = append(paths, k.path)
		for at := strings.LastIndexByte(k.path, '.'); at > 0; at = strings.LastIndexByte(k.path[:at], '.') {
			paths = append(paths, k.path[:at])
		}
	}
	if hint := didYouMean(path, paths); hint != "" {
		return hint
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	for _, p := range paths { // in a wrong section
		if strings.HasSuffix(p, "."+name) {
			return fmt.Sprintf("; did you mean %s?", p)
		}
	}
	return ""
}

// didYouMean is a hint at the nearest of the names, or "" if none is near.
func didYouMean(word string, names []string) string {
	folded := foldName(word)
	best, least := "", 2+len(folded)/6
	for _, name := range names {
		if d := distance(folded, foldName(name)); d < least {
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

// distance is Levenshtein's: the least number of bytes to insert, remove or replace.
func distance(a, b string) int {
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
