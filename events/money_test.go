package events_test

import (
	"math/big"
	"math/rand"
	"testing"

	. "github.com/touchfold/touchfold/events"
)

func money(code string) Currency {
	c, err := ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return c
}

func TestFormatMinor(t *testing.T) {
	for _, c := range []struct {
		minor int64
		code  string
		want  string
	}{
		{431000, "HKD", "4310.00"}, {-5, "HKD", "-0.05"}, {1500, "JPY", "1500"}, {-1, "JPY", "-1"}, {0, "EUR", "0.00"}, {7, "KWD", "0.007"},
		{123456, "bhd", "123.456"}, {10, "CLF", "0.0010"}, {-9223372036854775808, "USD", "-92233720368547758.08"}, {100, "EUR", "1.00"},
	} {
		if got := FormatMinor(c.minor, money(c.code)); got != c.want {
			t.Errorf("FormatMinor(%d, %s) = %q, want %q", c.minor, c.code, got, c.want)
		}
	}
}

// TestFormatMinorAgainstRat holds random amounts to big.Rat's decimals, and reads them back.
func TestFormatMinorAgainstRat(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	for range 5000 {
		minor := r.Int63n(MaxAmount) >> r.Intn(40)
		if r.Intn(2) == 0 {
			minor = -minor
		}
		for _, code := range []string{"JPY", "HKD", "KWD", "UYW"} {
			c := money(code)
			unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.Digits())), nil)
			want := new(big.Rat).SetFrac(big.NewInt(minor), unit).FloatString(c.Digits())
			if got := FormatMinor(minor, c); got != want {
				t.Fatalf("FormatMinor(%d, %s) = %q, want %q", minor, code, got, want)
			}
			if back, err := ParseMoney(want, c); back != minor || err != nil {
				t.Fatalf("ParseMoney(%q, %s) = %d, %v", want, code, back, err)
			}
		}
	}
}

func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		text, code string
		want       int64
		ok         bool
	}{
		{"100000.00", "HKD", 10_000_000, true}, {"2000", "HKD", 200_000, true}, {"-0.5", "HKD", -50, true}, {"1e3", "JPY", 1000, true},
		{"430.200", "GBP", 43_020, true}, {"0.001", "HKD", 0, false}, {"1.5", "JPY", 0, false}, {"", "HKD", 0, false}, {"1,000", "HKD", 0, false},
		{" 1", "HKD", 0, false}, {"NaN", "HKD", 0, false}, {"10000000000.01", "HKD", 0, false}, {"10000000000.00", "HKD", MaxAmount, true},
	} {
		got, err := ParseMoney(c.text, money(c.code))
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("ParseMoney(%q, %s) = %d, %v", c.text, c.code, got, err)
		}
	}
}

func TestParseCurrency(t *testing.T) {
	for code, want := range map[string]string{"eur": "EUR", "Hkd": "HKD", "EURO": "", "": "", "E1R": "", "€": "", "@@@": "", "[[[": ""} {
		c, err := ParseCurrency(code)
		if c.String() != want || (err == nil) != (want != "") {
			t.Errorf("ParseCurrency(%q) = %v, %v", code, c, err)
		}
	}
}
