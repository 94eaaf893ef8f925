package rulefile

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
	"github.com/touchfold/touchfold/state/rules/field"
)

const (
	millionth = 1_000_000
	maxNumber = 9_000_000_000_000
	maxShort  = 256    // letters of a name or a path
	maxLong   = 10_000 // letters of a description or a predicate
)

// What is written in one form. Editors check these, too.
var (
	idForm      = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	fieldForm   = regexp.MustCompile(`^(name|channel|source|id|order_id|currency|value|units|(properties|traits|item)\.[^\x00-\x1f]+)$`)
	clockForm   = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	pathForm    = regexp.MustCompile(`^[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)*$`)
	carriedForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	lineForm    = regexp.MustCompile(`^[^\x00-\x1f]+$`)
	figureForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$`)
	wholeForm   = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)
	decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
)

// written is a text as it is written; "" is left out.
func written(s string) *node {
	if s == "" {
		return nil
	}
	return &node{form: text, text: s}
}

// bare is a text that needs no quotes because it is none.
func bare(s string) *node { return &node{form: text, text: s, plain: true} }

// about is any text.
func about() kind[string] {
	return kind[string]{
		schema: schema{"type": "string", "maxLength": maxLong},
		read: func(r *reader, n *node) (string, bool) {
			if !r.isText(n, "a text", true) || !r.short(n, maxLong) {
				return "", false
			}
			return n.text, true
		},
		write: written,
	}
}

// short notes a text of more letters than most.
func (r *reader) short(n *node, most int) bool {
	if long := utf8.RuneCountInString(n.text); long > most {
		r.fault(n.at, "has %d letters; at most %d are taken", long, most)
		return false
	}
	return true
}

// word is a text of one form; what says which, for "is not …".
func word(form *regexp.Regexp, what string) kind[string] {
	return kind[string]{
		schema: schema{"type": "string", "pattern": form.String(), "maxLength": maxShort},
		read: func(r *reader, n *node) (string, bool) {
			switch {
			case !r.isText(n, what, form.MatchString(n.text)), !r.short(n, maxShort):
				return "", false
			case !form.MatchString(n.text):
				r.fault(n.at, "%q is not %s", brief(n.text), what)
				return "", false
			}
			return n.text, true
		},
		write: written,
	}
}

func id() kind[string] {
	return word(idForm, "an id: a small letter, then small letters, digits and _, at most 64")
}

// fieldOf is a field of an event.
func fieldOf() kind[string] {
	what := "a field of an event: " + strings.Join(field.Names()[:8], ", ") + ", properties.NAME, traits.NAME or item.NAME"
	k := word(fieldForm, what)
	read := k.read
	k.read = func(r *reader, n *node) (string, bool) {
		isPath := n.form == text && !n.isNumber() && !n.isBool() && !n.curly() && len(n.text) <= maxShort
		if isPath && pathForm.MatchString(n.text) && !fieldForm.MatchString(n.text) {
			r.fault(n.at, "%q is not %s%s", brief(n.text), what, field.Near(n.text))
			return "", false
		}
		path, ok := read(r, n)
		if _, err := field.Parse(path); ok && err != nil {
			r.fault(n.at, "%v", err)
			return "", false
		}
		return path, ok
	}
	return k
}

// oneOf is one of some words; without is the one that is left out when written.
func oneOf(without string, words ...string) kind[string] {
	return kind[string]{
		schema: schema{"enum": anySlice(words)},
		read: func(r *reader, n *node) (string, bool) {
			what := "one of " + strings.Join(words, ", ")
			switch {
			case !r.isText(n, what, false):
				return "", false
			case !slices.Contains(words, n.text):
				hint := ""
				if strings.IndexFunc(n.text, unicode.IsLetter) >= 0 {
					hint = r.meant(n.text, words)
				}
				r.fault(n.at, "%q is none of %s%s", brief(n.text), strings.Join(words, ", "), hint)
				return "", false
			}
			return n.text, true
		},
		write: func(s string) *node {
			if s == without {
				return nil
			}
			return written(s)
		},
	}
}

// truth is true or false; false is left out.
func truth() kind[bool] {
	return kind[bool]{
		schema: schema{"type": "boolean"},
		read: func(r *reader, n *node) (bool, bool) {
			if !n.isBool() {
				r.fault(n.at, "wants true or false, not %s", n.describe())
				return false, false
			}
			return strings.EqualFold(n.text, "true"), true
		},
		write: func(b bool) *node {
			if !b {
				return nil
			}
			return bare("true")
		},
	}
}

// whole is a whole number; the one that is left out when written is without.
func whole(least, most, without int) kind[int] {
	return kind[int]{
		schema: schema{"type": "integer", "minimum": least, "maximum": most},
		read: func(r *reader, n *node) (int, bool) {
			v, err := strconv.Atoi(n.text)
			switch {
			case n.form == text && !n.plain:
				r.fault(n.at, "is text; write the number without quotes")
			case n.form != text || !wholeForm.MatchString(n.text) || err != nil:
				r.fault(n.at, "wants a whole number from %d to %d, not %s", least, most, n.describe())
			case v != most && least == most:
				r.fault(n.at, "%d is not known; write %d", v, most)
			case v < least || v > most:
				r.fault(n.at, "%d is out of range; write %d to %d", v, least, most)
			default:
				return v, true
			}
			return 0, false
		},
		write: func(v int) *node {
			if v == without {
				return nil
			}
			return bare(strconv.Itoa(v))
		},
	}
}

// decimal is a number from least to most, in whole ones; above: more than least.
func decimal(least, most int64, above bool) kind[rules.Number] {
	s := schema{"type": "number", "minimum": least, "maximum": most}
	from := "from"
	if above {
		s = schema{"type": "number", "exclusiveMinimum": least, "maximum": most}
		from = "above"
	}
	return kind[rules.Number]{
		schema: s,
		read: func(r *reader, n *node) (rules.Number, bool) {
			v, ok := r.number(n)
			if !ok {
				return 0, false
			}
			exact, _ := new(big.Rat).SetString(n.text)
			low := exact.Cmp(big.NewRat(least, 1))
			if low < 0 || exact.Cmp(big.NewRat(most, 1)) > 0 || above && (low == 0 || int64(v) == least*millionth) {
				r.fault(n.at, "%s is out of range; write a number %s %d to %d", brief(n.text), from, least, most)
				return 0, false
			}
			return v, true
		},
		write: func(v rules.Number) *node { return bare(decimalText(v)) },
	}
}

// number is a decimal in millionths, rounded half to even.
func (r *reader) number(n *node) (rules.Number, bool) {
	switch {
	case n.form == text && !n.plain:
		r.fault(n.at, "is text; write the number without quotes")
		return 0, false
	case n.form != text || !n.isNumber():
		r.fault(n.at, "wants a number, not %s", n.describe())
		return 0, false
	case !decimalForm.MatchString(n.text) || len(n.text) > 64:
		r.fault(n.at, "%s is not a number as it is written here; write digits and a point, such as 2000.5", brief(n.text))
		return 0, false
	}
	exact, _ := new(big.Rat).SetString(n.text)
	if exact.Cmp(big.NewRat(maxNumber, 1)) > 0 || exact.Cmp(big.NewRat(-maxNumber, 1)) < 0 {
		r.fault(n.at, "%s is out of range; write a number from -%d to %d", brief(n.text), int64(maxNumber), int64(maxNumber))
		return 0, false
	}
	return round(exact.Mul(exact, big.NewRat(millionth, 1))), true
}

// round is the nearest whole number, of two the even one.
func round(exact *big.Rat) rules.Number {
	whole, rest := new(big.Int).DivMod(exact.Num(), exact.Denom(), new(big.Int))
	n := whole.Int64()
	if half := rest.Lsh(rest, 1).Cmp(exact.Denom()); half > 0 || half == 0 && n%2 != 0 {
		n++
	}
	return rules.Number(n)
}

// decimalText is a number without needless digits.
func decimalText(v rules.Number) string {
	text := big.NewRat(int64(v), millionth).FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// predicate is a CEL text, where it begins, and where each letter comes from.
type predicate struct {
	text string
	at   rules.Place
	from rules.Origin
}

func cel() kind[predicate] {
	return kind[predicate]{
		schema: schema{"type": "string", "minLength": 1, "maxLength": maxLong},
		read: func(r *reader, n *node) (predicate, bool) {
			switch {
			case !r.isText(n, "a predicate in CEL, such as event.value > 100.0", false) || !r.short(n, maxLong):
				return predicate{}, false
			case strings.TrimSpace(n.text) == "":
				r.fault(n.at, "is empty; write a predicate in CEL, or leave the key out")
				return predicate{}, false
			}
			return predicate{n.text, n.from.Of(rules.Place{Line: 1, Column: 1}), n.from}, true
		},
		write: func(p predicate) *node { return written(p.text) },
	}
}

// clock is a time of day; midnight is left out.
func clock() kind[events.Instant] {
	k := word(clockForm, "a time of day from 00:00 to 23:59, such as 09:00")
	return kind[events.Instant]{
		schema: k.schema,
		read: func(r *reader, n *node) (events.Instant, bool) {
			s, ok := k.read(r, n)
			if !ok {
				return 0, false
			}
			hours, _ := strconv.Atoi(s[:2])
			minutes, _ := strconv.Atoi(s[3:])
			return events.Instant(60*hours+minutes) * 60_000, true
		},
		write: func(at events.Instant) *node {
			if at == 0 {
				return nil
			}
			minutes := int(at / 60_000)
			return written(twoDigits(minutes/60) + ":" + twoDigits(minutes%60))
		},
	}
}

func twoDigits(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }
