package field

import "strconv"

const (
	// One is the number 1.
	One = 1_000_000
	// Most bounds every number: 9·10¹². What is more is that, and what is less than its negative is that.
	Most = 9_000_000_000_000 * One
)

const places = 6

// ParseNumber reads a decimal as JSON writes one into millionths: further places are rounded, half to even, and what is
// beyond Most is Most.
func ParseNumber(text string) (millionths int64, ok bool) {
	millionths, _, ok = parseNumber(text)
	return millionths, ok
}

// parseNumber is ParseNumber; exact if nothing was rounded, and nothing beyond Most.
func parseNumber(text string) (millionths int64, exact, ok bool) {
	mantissa, exponent, negative, ok := split(text)
	if !ok {
		return 0, false, false
	}
	var r rounding
	place := exponent + digits(mantissa, 0) // the power of ten of the digit ahead, plus 1
	for i := 0; i < len(mantissa); i++ {
		if mantissa[i] != '.' {
			place--
			r.add(uint64(mantissa[i]-'0'), place)
		}
	}
	millionths = r.end(place)
	if negative {
		millionths = -millionths
	}
	return millionths, !r.over && r.half == 0 && !r.further, true
}

// split takes a number apart, and checks it.
func split(text string) (mantissa string, exponent int, negative, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		text, negative = text[1:], true
	}
	i := digits(text, 0)
	if i == 0 || text[0] == '0' && i > 1 {
		return "", 0, false, false
	}
	if i < len(text) && text[i] == '.' {
		at := i + 1
		if i = digits(text, at); i == at {
			return "", 0, false, false
		}
	}
	mantissa = text[:i]
	if i == len(text) {
		return mantissa, 0, negative, true
	}
	if text[i]|0x20 != 'e' {
		return "", 0, false, false
	}
	exponent, ok = power(text[i+1:])
	return mantissa, exponent, negative, ok
}

// power reads an exponent; what is out of all reason is cut to what still is.
func power(text string) (e int, ok bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative || len(text) > 0 && text[0] == '+' {
		text = text[1:]
	}
	if len(text) == 0 || digits(text, 0) != len(text) {
		return 0, false
	}
	for _, c := range []byte(text) {
		e = min(e*10+int(c-'0'), 1<<40)
	}
	if negative {
		e = -e
	}
	return e, true
}

// digits is the end of the digits in text from i on.
func digits(text string, i int) int {
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	return i
}

// rounding gathers digits down to the sixth place, and what of the rest decides how that one is rounded.
type rounding struct {
	n       uint64 // at most 10 × Most: beyond that only over counts
	over    bool
	half    uint64 // the seventh place
	further bool   // a digit other than 0 after it
}

func (r *rounding) add(digit uint64, place int) {
	switch {
	case place >= -places:
		r.shift(digit)
	case place == -places-1:
		r.half = digit
	default:
		r.further = r.further || digit != 0
	}
}

func (r *rounding) shift(digit uint64) {
	if r.n > Most/10 {
		r.over = true
		return
	}
	r.n = r.n*10 + digit
}

// end is the number, last being the power of ten of its last digit.
func (r *rounding) end(last int) int64 {
	for ; last > -places && r.n > 0 && !r.over; last-- {
		r.shift(0)
	}
	if !r.over && (r.half > 5 || r.half == 5 && (r.further || r.n%2 == 1)) {
		r.n++
	}
	if r.over = r.over || r.n > Most; r.over {
		return Most
	}
	return int64(r.n)
}

// AppendNumber appends millionths as the shortest decimal.
func AppendNumber(b []byte, millionths int64) []byte {
	u := uint64(millionths)
	if millionths < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/One, 10)
	fraction := u % One
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	for unit := uint64(One / 10); fraction > 0; unit /= 10 {
		b = append(b, '0'+byte(fraction/unit))
		fraction %= unit
	}
	return b
}
