package rulefile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/state/rules"
)

// The bounds of a book.
const (
	maxRules  = 500
	maxLeaves = 1000
	maxNested = 32   // conditions within each other
	maxFaults = 1000 // that are told
	maxEffort = 2e7  // bytes compared to find out what was meant
)

// A reader makes a book of a tree and gathers what is wrong with it.
type reader struct {
	*language
	faults []rules.Fault
	more   int    // faults not told
	rule   string // whose faults they are
	key    string // at which they stand
	leaf   int    // so many were read
	nested int    // conditions around the present one
	effort int    // spent on what was meant
	named  []mention
}

// A mention is a place at which a segment is named.
type mention struct {
	rule, id, key string
	at            rules.Place
	circular      bool // in a segment's condition
}

func (r *reader) fault(at rules.Place, format string, values ...any) {
	if len(r.faults) == maxFaults {
		r.more++
		return
	}
	text := fmt.Sprintf(format, values...)
	if r.key != "" {
		text = r.key + ": " + text
	}
	r.faults = append(r.faults, rules.Fault{At: at, Rule: r.rule, Text: text})
}

// within reads what stands at a key.
func (r *reader) within(key string, read func()) {
	before := r.key
	r.key = key
	read()
	r.key = before
}

// unique notes keys that stand twice.
func (r *reader) unique(n *node) {
	first := make(map[string]int, len(n.entries))
	for _, e := range n.entries {
		if line, twice := first[e.key]; twice {
			r.fault(e.at, "%s stands twice, first in line %d", brief(e.key), line)
			continue
		}
		first[e.key] = e.at.Line
	}
}

// unknown notes a key that is none of those and is the one that was meant, "" if none was; hint says more where it is known.
func (r *reader) unknown(e entry, known []string, hint string) (meant string) {
	guess := r.meant(e.key, known)
	meant = strings.TrimSuffix(strings.TrimPrefix(guess, "; did you mean "), "?")
	switch {
	case hint != "":
		r.fault(e.at, "%s: %s", brief(e.key), hint)
	case e.key == "<<":
		r.fault(e.at, "<<: merge keys are not read here; write the keys out")
	case guess == "" && !slices.Contains(known, "on") && r.ofTrigger(e.key):
		r.fault(e.at, "%s: there is no such key here; it stands in a trigger, beside on", brief(e.key))
	default:
		r.fault(e.at, "%s: there is no such key here%s", brief(e.key), guess)
	}
	return meant
}

// ofTrigger reports whether a key stands only in triggers.
func (r *reader) ofTrigger(key string) bool {
	return slices.Contains(r.trigger.keys(), key) && !slices.Contains(r.segment.keys(), key)
}

// meant is a hint at what was meant, as long as looking for it is cheap.
func (r *reader) meant(word string, names []string) string {
	if len(word) > 64 || len(r.faults) == maxFaults {
		return ""
	}
	for _, name := range names {
		r.effort += len(word) * len(name)
	}
	if r.effort > maxEffort {
		return ""
	}
	return config.DidYouMean(word, names)
}

// get is the first value at a key; nil if there is none.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// place is where a key's value stands, else where n does.
func (n *node) place(key string) rules.Place {
	if v := n.get(key); v != nil {
		return v.at
	}
	return n.at
}

// describe is what a reader of the file would call n.
func (n *node) describe() string {
	switch n.form {
	case nothing:
		return "nothing"
	case list:
		return "a list"
	case keys:
		return "keys"
	}
	switch {
	case n.isNumber():
		return "the number " + brief(n.text)
	case n.isBool():
		return n.text
	}
	return "the text " + strconv.Quote(brief(n.text))
}

// numeral is whatever some reader of YAML takes for a number.
var numeral = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|` +
	`^[-+]?0([xX][0-9a-fA-F]+|[bB][01]+|[oO][0-7]+)$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$`)

func (n *node) isNumber() bool {
	return n.form == text && n.plain && len(n.text) < 4*maxLong && numeral.MatchString(strings.ReplaceAll(n.text, "_", ""))
}

func (n *node) isBool() bool {
	switch n.text {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return n.form == text && n.plain
	}
	return false
}

// curly reports whether a text begins and ends with what a word processor makes of quotes.
func (n *node) curly() bool {
	const quotes = "“”„‟‘’‚‛«»"
	first, _ := utf8.DecodeRuneInString(n.text)
	last, _ := utf8.DecodeLastRuneInString(n.text)
	return n.form == text && n.plain && n.text != "" && strings.ContainsRune(quotes, first) && strings.ContainsRune(quotes, last)
}

// isText reports whether n is a text, and notes it if it is something else; fits: what it says would be right in quotes.
func (r *reader) isText(n *node, what string, fits bool) bool {
	switch {
	case n.curly():
		r.fault(n.at, "stands in curly quotes, which are letters like others here; write \"straight\" ones")
	case n.form == text && !n.isNumber() && !n.isBool():
		return true
	case n.form == text && fits:
		r.fault(n.at, "wants %s, not %s; put it in quotes if it is a text", what, n.describe())
	default:
		r.fault(n.at, "wants %s, not %s", what, n.describe())
	}
	return false
}

// brief is a text short enough for a sentence.
func brief(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
	if utf8.RuneCountInString(s) > 60 {
		return string([]rune(s)[:57]) + "..."
	}
	return s
}
