package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A value is where a key's value is kept, how it is read from text and how it is written as YAML. After a text that
// was refused it is zero, and what depends on it is not checked.
type value struct {
	isList   bool                         // else there is exactly one text
	isNumber bool                         // quotes in the file are a mistake
	set      func(texts []string) []error // one for each text, nil for a good one
	text     func() string                // the one text that set would take; nil of a list
	yaml     func() string
	schema   schema // what an editor is told of it
}

// one is a single value, shown as fmt shows it.
func one[T any](p *T, parse func(string) (T, error)) value {
	return value{
		set: func(texts []string) []error {
			var err error
			*p, err = parse(texts[0])
			return []error{err}
		},
		text:   func() string { return fmt.Sprint(*p) },
		yaml:   func() string { return quote(fmt.Sprint(*p)) },
		schema: schema{"type": []any{"string", "number"}},
	}
}

// list is any number of texts, none of them twice.
func list(p *[]string, parse func(string) (string, error)) value {
	return value{
		isList: true,
		set: func(texts []string) []error {
			*p = nil
			errs := make([]error, len(texts))
			for i, text := range texts {
				item, err := parse(text)
				if err == nil && slices.Contains(*p, item) {
					err = fmt.Errorf("%q stands twice", item)
				}
				*p, errs[i] = append(*p, item), err
			}
			return errs
		},
		yaml: func() string {
			quoted := make([]string, len(*p))
			for i, text := range *p {
				quoted[i] = quote(text)
			}
			return "[" + strings.Join(quoted, ", ") + "]"
		},
		schema: schema{"type": "array", "items": schema{"type": "string"}, "uniqueItems": true},
	}
}

// whole is a whole number from least to most.
func whole(p *int, least, most int) value {
	v := between(p, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number; write %d to %d", text, least, most)
		}
		return n, nil
	}, least, most)
	v.isNumber, v.schema = true, schema{"type": "integer", "minimum": least, "maximum": most}
	v.yaml = func() string { return strconv.Itoa(*p) }
	return v
}

// between is one value from least to most.
func between[T cmp.Ordered](p *T, parse func(string) (T, error), least, most T) value {
	return one(p, func(text string) (T, error) {
		v, err := parse(text)
		if err == nil && (v < least || v > most) {
			err = fmt.Errorf("%v is out of range; write %v to %v", text, least, most)
		}
		return v, err
	})
}

// oneOf is one of a few words.
func oneOf[T ~string](p *T, words ...T) value {
	v := one(p, func(text string) (T, error) {
		if slices.Contains(words, T(text)) {
			return T(text), nil
		}
		names := make([]string, len(words))
		for i, word := range words {
			names[i] = string(word)
		}
		return "", fmt.Errorf("%q is none of %s%s", text, strings.Join(names, ", "), DidYouMean(text, names))
	})
	v.schema = schema{"enum": words}
	return v
}
