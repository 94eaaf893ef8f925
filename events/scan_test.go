package events

import (
	"bytes"
	"encoding/json"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"
)

// valid is json.Valid by s.
func valid(s *scanner, text []byte) bool {
	s.high = 0
	s.end(s.value(s.start(text, 1000)))
	return s.fault == 0 && (s.ascii() || utf8.Valid(text))
}

// TestScannerAgainstJSONValid puts every byte at every place of strings, and random texts of JSON's own characters.
func TestScannerAgainstJSONValid(t *testing.T) {
	remembering := scanner{met: newNameMemory()}
	check := func(text []byte) {
		t.Helper()
		for _, s := range []*scanner{{}, &remembering} {
			if valid(s, text) != json.Valid(text) && utf8.Valid(text) {
				t.Fatalf("%q: the scanner says %v", text, !json.Valid(text))
			}
			if valid(s, text) && !utf8.Valid(text) {
				t.Fatalf("%q: the scanner says it is UTF-8", text)
			}
		}
	}
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				text := []byte(`"` + strings.Repeat("x", length) + `" `)
				text[1+at] = byte(c)
				check(text)
				text[len(text)-1] = '"'
				check(text)
			}
		}
	}
	r := rand.New(rand.NewSource(4))
	words := []string{"{", "}", "[", "]", ":", ",", `"`, `"a"`, `"a":`, `\`, `\u00e9`, "0", "1", "-", "+", ".", "e", "E5", "true", "null", "nul", " ",
		"\n", "\x1f", "1.5", "[]", "{}"}
	for range 400_000 {
		var text []byte
		for range 1 + r.Intn(7) {
			text = append(text, words[r.Intn(len(words))]...)
		}
		check(text)
	}
}

// TestUnescapedAgainstJSON holds the meaning of random strings to encoding/json's.
func TestUnescapedAgainstJSON(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	words := []string{"a", "é", "😀", `\n`, `\/`, `\\`, `\"`, `\u0000`, `\u00e9`, `\uD83D`, `\ude00`, `\ud83d\ude00`, `\uFFFF`, `\b\f\r\t`}
	for range 50_000 {
		text := []byte(`"`)
		for range r.Intn(6) {
			text = append(text, words[r.Intn(len(words))]...)
		}
		text = append(text, '"')
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := appendUnescaped(nil, text[1:len(text)-1])
		if !bytes.Equal(got, []byte(want)) || len(got) > len(text)-2 {
			t.Fatalf("%s is %q, want %q", text, got, want)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]number{
		"0": {}, "-0.00e9": {}, "12.50": {digits: 1250, scale: 2}, "-12e3": {digits: 12, scale: -3, negative: true},
		"1234567890123456789":    {digits: 1234567890123456789},
		"12345678901234567899":   {digits: 1234567890123456789, scale: -1, cut: true},
		"12345678901234567890":   {digits: 1234567890123456789, scale: -1},
		"0.12345678901234567891": {digits: 1234567890123456789, scale: 19, cut: true},
		"1e-40":                  {digits: 1, scale: 40}, "15e-41": {digits: 1, scale: 40, cut: true}, "9e-41": {scale: 40, cut: true}, "9e-59": {scale: 40, cut: true}, "9e-60": {scale: 40, cut: true},
		"-9e-99999999999999999999": {scale: 40, cut: true, negative: true},
	} {
		if got, ok := parseNumber([]byte(text)); got != want || !ok {
			t.Errorf("%s: %+v %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-", "+1", ".5", "1.", "01", "1e", "0x1", "1 ", " 1", "1_0", "NaN", "Infinity", "１"} {
		if n, ok := parseNumber([]byte(text)); ok {
			t.Errorf("%q: %+v, want none", text, n)
		}
	}
}

// TestHasControl puts every byte at every place.
func TestHasControl(t *testing.T) {
	for length := range 20 {
		text := bytes.Repeat([]byte("x"), length)
		for at := range text {
			for c := range 256 {
				text[at] = byte(c)
				if got := hasControl(text); got != (c < ' ' || c == 0x7f) {
					t.Fatalf("%q: %v", text, got)
				}
			}
			text[at] = 'x'
		}
	}
}
