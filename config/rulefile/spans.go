package rulefile

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/touchfold/touchfold/state/rules"
)

// century is so many of each unit as make at most 100 years.
var century = map[string]int{
	"s": 3_155_760_000, "m": 52_596_000, "h": 876_600, "d": 36_525, "w": 5_217, "mo": 1_200, "y": 100,
}

var spanForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})(s|m|h|d|w|mo|y)$`)

const spanPattern = `(0|[1-9][0-9]{0,11})(s|m|h|d|w|mo|y)`

// span reads a number and a unit. No duration that is written may be nothing unless orNone.
func (r *reader) span(n *node, written string, orNone bool) (rules.Duration, bool) {
	parts := spanForm.FindStringSubmatch(written)
	switch {
	case parts == nil && strings.HasPrefix(written, "-"):
		r.fault(n.at, "%q is negative; write a whole number and one of s m h d w mo y, such as 4h or 30d", brief(n.text))
		return rules.Duration{}, false
	case parts == nil:
		r.fault(n.at,
			"%q is not a duration; write a whole number and one of s m h d w mo y, such as 4h or 30d", brief(n.text))
		return rules.Duration{}, false
	}
	d := rules.Duration{Unit: parts[2], At: n.at}
	d.N, _ = strconv.Atoi(parts[1])
	switch {
	case d.N > century[d.Unit]:
		r.fault(n.at, "%s is longer than 100 years; write at most %d%s", written, century[d.Unit], d.Unit)
	case d.N == 0 && !orNone:
		r.fault(n.at,
			"%s is no time at all; write at least 1%s, or leave the key out where it may be missing", written, d.Unit)
	case d.N == 0:
		return rules.Duration{At: n.at}, true
	default:
		return d, true
	}
	return rules.Duration{}, false
}

func spanText(d rules.Duration) string { return strconv.Itoa(d.N) + d.Unit }

// duration is a length of time; orNone: 0s may be written, which is the same as leaving it out.
func duration(orNone bool) kind[rules.Duration] {
	pattern := "^" + spanPattern + "$"
	if !orNone {
		pattern = strings.Replace(pattern, "(0|[1-9][0-9]{0,11})", "[1-9][0-9]{0,11}", 1)
	}
	return kind[rules.Duration]{
		schema: schema{"type": "string", "pattern": pattern},
		read: func(r *reader, n *node) (rules.Duration, bool) {
			if !r.isText(n, "a duration with its unit, such as 4h or 30d", false) {
				return rules.Duration{}, false
			}
			return r.span(n, n.text, orNone)
		},
		write: func(d rules.Duration) *node {
			if d.N == 0 {
				return nil
			}
			return written(spanText(d))
		},
	}
}

// offset is a duration with a sign.
func offset() kind[rules.Offset] {
	return kind[rules.Offset]{
		schema: schema{"type": "string", "pattern": `^[+-](0|[1-9][0-9]{0,11})(d|w|mo|y)$`},
		read: func(r *reader, n *node) (o rules.Offset, ok bool) {
			if !r.isText(n, "a duration with a sign and a unit, such as -30d or +2y", false) {
				return o, false
			}
			sign := n.text[:min(1, len(n.text))]
			if sign != "+" && sign != "-" {
				r.fault(n.at, "%q has no sign; write -30d for before or +30d for after", brief(n.text))
				return o, false
			}
			if o.Duration, ok = r.span(n, n.text[1:], true); ok && strings.Contains("smh", n.text[len(n.text)-1:]) {
				r.fault(n.at, "an offset is a number of days; write one of the units d w mo y, and the time of day in at")
				return o, false
			}
			o.Before = sign == "-" && o.N > 0
			return o, ok
		},
		write: func(o rules.Offset) *node {
			sign := map[bool]string{false: "+", true: "-"}[o.Before]
			if o.N == 0 {
				return nil
			}
			return written(sign + spanText(o.Duration))
		},
	}
}

// past is how long before today something was.
func past() kind[rules.Duration] {
	return kind[rules.Duration]{
		schema: schema{"type": "string", "pattern": `^[1-9][0-9]{0,11}(d|w|mo|y)$`},
		read: func(r *reader, n *node) (d rules.Duration, ok bool) {
			if !r.isText(n, "how long before today, such as 1y or 11mo", false) {
				return d, false
			}
			if d, ok = r.span(n, n.text, false); ok && strings.Contains("smh", d.Unit) {
				r.fault(n.at, "%s is no number of days; write one of the units d w mo y, such as 1y", n.text)
				return d, false
			}
			return d, ok
		},
		write: duration(false).write,
	}
}

// window is a span of time that ends now, or with ago before.
func window() kind[rules.Window] {
	units := map[string]string{"rolling": "s m h", "calendar": "d w"}
	return kind[rules.Window]{
		schema: schema{
			"type":    "string",
			"pattern": `^(lifetime|rolling [1-9][0-9]{0,11}[smh]|calendar [1-9][0-9]{0,11}[dw])$`,
		},
		read: func(r *reader, n *node) (w rules.Window, ok bool) {
			if !r.isText(n, "a window: rolling 168h, calendar 7d or lifetime", false) || n.text == "lifetime" {
				return w, n.form == text && n.text == "lifetime"
			}
			kind, length, _ := strings.Cut(n.text, " ")
			if units[kind] == "" {
				hint := r.meant(kind, []string{"rolling", "calendar", "lifetime"})
				if parts := spanForm.FindStringSubmatch(n.text); parts != nil && strings.Contains("smh", parts[2]) {
					hint = "; did you mean rolling " + n.text + "?"
				} else if parts != nil && strings.Contains("dw", parts[2]) {
					hint = "; did you mean calendar " + n.text + "?"
				}
				r.fault(n.at, "%q is not a window; write rolling 168h, calendar 7d or lifetime%s", brief(n.text), hint)
				return w, false
			}
			d, ok := r.span(n, length, false)
			if ok && !strings.Contains(" "+units[kind]+" ", " "+d.Unit+" ") {
				r.fault(n.at, "a %s window has one of the units %s, not %s; write rolling 168h or calendar 7d",
					kind, units[kind], d.Unit)
				return w, false
			}
			return rules.Window{Kind: kind, Duration: d}, ok
		},
		write: func(w rules.Window) *node {
			if w.Kind == "" {
				return nil
			}
			return written(w.Kind + " " + spanText(w.Duration))
		},
	}
}
