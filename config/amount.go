package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 code.
type Currency string

func currency(text string) (Currency, error) {
	if len(text) != 3 || strings.ToUpper(text) != text {
		return "", fmt.Errorf("%q is not a currency; write its ISO 4217 code, such as HKD", text)
	}
	return Currency(text), nil
}

// amount is an exact decimal in major units, kept in minor units of the currency.
func amount(p *int64, in *Currency) value {
	v := one(p, func(text string) (int64, error) {
		major, minor, _ := strings.Cut(text, ".")
		minor = strings.TrimRight(minor, "0")
		if len(minor) > 2 {
			return 0, fmt.Errorf("%s has more digits than %s has", text, *in)
		}
		return strconv.ParseInt(major+(minor + "00")[:2], 10, 64)
	})
	v.yaml = func() string { return fmt.Sprintf("\"%d.%02d\"", *p/100, *p%100) }
	return v
}
