package field

import (
	"fmt"
	"strings"

	"github.com/touchfold/touchfold/events/spell"
)

// Meant is the end of a sentence that says which of the names was probably meant, "" if none is near.
func Meant(word string, names []string) string {
	if len(word) > 256 {
		return ""
	}
	folded := strings.ToLower(word)
	best, least := "", 2+len(folded)/4
	for _, name := range names {
		if d := spell.Distance(folded, strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}
