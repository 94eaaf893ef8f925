package events

import (
	"fmt"
	"strconv"
)

// Currency is an ISO 4217 code in upper case; the zero Currency is none.
type Currency [3]byte

// MaxAmount bounds every amount, in minor units: the sum of nine million of them is still an int64.
const MaxAmount = 1_000_000_000_000

// ParseCurrency reads three letters, in any case. Whether ISO has given the code away is not asked.
func ParseCurrency(code string) (Currency, error) {
	c, ok := currency([]byte(code))
	if !ok {
		return c, fmt.Errorf("currency %q: want three letters as in ISO 4217", code)
	}
	return c, nil
}

func currency(code []byte) (c Currency, ok bool) {
	if len(code) != 3 {
		return c, false
	}
	for i, b := range code {
		b &^= 'a' - 'A'
		if b < 'A' || b > 'Z' {
			return Currency{}, false
		}
		c[i] = b
	}
	return c, true
}

// String is the code, "" of none.
func (c Currency) String() string {
	if c == (Currency{}) {
		return ""
	}
	return string(c[:])
}

// Digits is how many digits the minor unit has, by ISO 4217: 2 for most.
func (c Currency) Digits() int {
	switch string(c[:]) {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

// FormatMinor writes minor units of c as a decimal with all of c's digits: 4310.00, -0.05, 1500 (JPY).
func FormatMinor(minor int64, c Currency) string { return string(AppendMinor(nil, minor, c)) }

// AppendMinor appends what FormatMinor writes.
func AppendMinor(b []byte, minor int64, c Currency) []byte {
	u := uint64(minor)
	if minor < 0 {
		b, u = append(b, '-'), -u
	}
	digits := c.Digits()
	at := len(b)
	b = strconv.AppendUint(b, u, 10)
	if digits == 0 {
		return b
	}
	for len(b)-at <= digits {
		b = append(b, 0)
		copy(b[at+1:], b[at:])
		b[at] = '0'
	}
	b = append(b, 0)
	point := len(b) - 1 - digits
	copy(b[point+1:], b[point:])
	b[point] = '.'
	return b
}

// ParseMoney reads a decimal number in c's major unit, such as 100000.00 or -5, into minor units. Digits that c does
// not have are an error, not rounded: this is for what a person has written.
func ParseMoney(text string, c Currency) (int64, error) {
	n, ok := parseNumber([]byte(text))
	if !ok {
		return 0, fmt.Errorf("amount %q: want a decimal number such as 100000.00", text)
	}
	v, rounded, ok := n.round(c.Digits())
	switch {
	case !ok:
		return 0, fmt.Errorf("amount %q: more than %s", text, FormatMinor(MaxAmount, c))
	case rounded:
		return 0, fmt.Errorf("amount %q: %s has %d decimal places", text, c, c.Digits())
	case n.negative:
		v = -v
	}
	return v, nil
}
