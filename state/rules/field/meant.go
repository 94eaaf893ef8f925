package field

import (
	"fmt"
	"strings"
)

// Meant is the end of a sentence that says which of the names was probably meant, "" if none is near.
func Meant(word string, names []string) string {
	if len(word) > 256 {
		return ""
	}
	folded := strings.ToLower(word)
	best, least := "", 2+len(folded)/4
	for _, name := range names {
		if d := distance(folded, strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
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
