package rulebook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/events/hostile"
	. "github.com/touchfold/touchfold/state/rulebook"
)

func book(serial uint64, churn string) *Rulebook {
	return &Rulebook{Serial: serial, Features: map[string]int{"segments": 2, "purchases": 1},
		Settings: map[string]string{"segments.churn_risk.days": churn, "business.zone": "Asia/Hong_Kong", "note": "a <b> & \"c\"\n\té漢"}}
}

// TestGolden: the bytes stand in logs, and other instances compare them, so they are written down here.
func TestGolden(t *testing.T) {
	b := book(3, "183")
	const text = `{"serial":3,"features":{"purchases":1,"segments":2},"settings":{"business.zone":"Asia/Hong_Kong",` +
		`"note":"a <b> & \"c\"\n\té漢","segments.churn_risk.days":"183"}}`
	if got := string(b.Text()); got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
	if got, want := b.Name(), "3:6345981007c479de"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c := b.Control(1_780_000_000_000)
	if c.Kind != events.RulebookControl || c.ID != "rulebook/3/6345981007c479de" || c.At != 1_780_000_000_000 || string(c.Value) != text {
		t.Errorf("%+v", c)
	}
}

func draw(t *rapid.T) *Rulebook {
	return &Rulebook{
		Serial:   rapid.Uint64().Draw(t, "serial"),
		Features: rapid.MapOfN(rapid.StringMatching(`[a-z][a-z0-9_]{0,9}`), rapid.IntRange(1, 9), 1, 5).Draw(t, "features"),
		Settings: rapid.MapOfN(rapid.StringMatching(`[a-z0-9_][a-z0-9_.-]{0,9}`), rapid.StringMatching("[ -~\n\r\t¡-\u2027\u202a-\ud7ff\ue000-\U0010ffff]{0,9}"), 0, 5).Draw(t, "settings"),
	}
}

// TestRoundTrip: what is written is read, also out of a record of the log.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := draw(t)
		got, err := Parse(b.Text())
		if err != nil || !reflect.DeepEqual(got, b) {
			t.Fatalf("%+v %v, want %+v", got, err, b)
		}
		if serial, d, ok := ParseName(b.Name()); !ok || serial != b.Serial || d != b.Digest() {
			t.Fatalf("%s is read as %d %s %v", b.Name(), serial, d, ok)
		}
		c := b.Control(1_780_000_000_000)
		value, headers := c.Record("shop")
		read, refusal := events.ControlOf(&events.Record{Value: value, Headers: headers}, "shop")
		if refusal != nil || read.Kind != events.RulebookControl {
			t.Fatalf("%+v %v", read, refusal)
		}
		if got, err = FromControl(&read); (err == nil) != (b.Serial > 0) || err == nil && !reflect.DeepEqual(got, b) {
			t.Fatalf("%+v %v, want %+v", got, err, b)
		}
	})
}

// TestDigest: of the content alone, whatever the order in which it came to be, and of all of it.
func TestDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := draw(t)
		same := &Rulebook{Serial: b.Serial + 1, Features: map[string]int{}, Settings: map[string]string{}}
		for _, k := range rapid.Permutation(slices.Sorted(maps.Keys(b.Features))).Draw(t, "features in another order") {
			same.Features[k] = b.Features[k]
		}
		for _, k := range rapid.Permutation(slices.Sorted(maps.Keys(b.Settings))).Draw(t, "settings in another order") {
			same.Settings[k] = b.Settings[k]
		}
		if b.Digest() != same.Digest() || b.Digest() != b.Numbered(7).Digest() {
			t.Fatal("equal content, other digests")
		}
		other := b.Numbered(b.Serial)
		switch rapid.IntRange(0, 3).Draw(t, "change") {
		case 0:
			other.Features["z"]++
		case 1:
			delete(other.Features, slices.Sorted(maps.Keys(b.Features))[0])
		case 2:
			other.Settings["z"] += "x"
		case 3:
			other.Settings["new-key"] = ""
			delete(b.Settings, "new-key")
		}
		if b.Digest() == other.Digest() {
			t.Fatalf("%s and %s have one digest", b.Text(), other.Text())
		}
	})
}

// TestStrict: only the bytes that Text writes are read, though others are JSON of the same meaning.
func TestStrict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := draw(t).Text()
		i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		changed := bytes.Clone(text)
		if rapid.Bool().Draw(t, "insert") {
			changed = slices.Insert(changed, i, rapid.SampledFrom([]byte(" \n\t,:\"{}[]0a\\")).Draw(t, "byte"))
		} else {
			changed[i] = rapid.Byte().Draw(t, "byte")
		}
		if b, err := Parse(changed); err == nil && !bytes.Equal(b.Text(), changed) {
			t.Fatalf("%q is read as %q", changed, b.Text())
		}
	})
}

func TestParseRefuses(t *testing.T) {
	const right = `{"serial":1,"features":{"a":1},"settings":{"k":"v"}}`
	if _, err := Parse([]byte(right)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{`"serial":1`, `"serial":01`}, {`"serial":1`, `"serial":"1"`}, {`"serial":1,`, ``}, {`{"a":1}`, `{}`}, {`{"a":1}`, `null`},
		{`"a":1`, `"a":0`}, {`"a":1`, `"a-b":1`}, {`"a":1`, `"":1`}, {`{"k":"v"}`, `null`}, {`"k":`, `"K":`}, {`"k":`, `" k":`},
		{`"v"`, `null`}, {`"v"`, `"\u2028"`}, {`"v"`, "\"\u2028\""}, {`"v"`, `"\u0001"`}, {`"v"`, `"\u007f"`}, {`"v"`, "\"\xc3\""}, {`"v"`, `"\u0076"`},
		{`"v"}}`, `"v"},"rules":[]}`}, {`"v"`, `"` + strings.Repeat("v", MaxBytes) + `"`},
	} {
		text := strings.Replace(right, c[0], c[1], 1)
		b, err := Parse([]byte(text))
		if err == nil {
			t.Errorf("%.80s is read as %s", text, b.Text())
		} else if strings.Contains(err.Error(), `\u`) || strings.Contains(err.Error(), "\xc3") || len(err.Error()) > 250 {
			t.Errorf("%.80s: the error repeats it: %.300s", text, err)
		}
	}
}

// TestHostile: what looks like a rulebook of the app and is none is refused with a sentence.
func TestHostile(t *testing.T) {
	n := 0
	for _, c := range hostile.Controls("shop") {
		if c.Fate != hostile.Unread {
			continue
		}
		n++
		control, refusal := events.ControlOf(&c.Record, "shop")
		if refusal != nil {
			t.Errorf("%s: %v", c.Name, refusal)
			continue
		}
		if b, err := FromControl(&control); err == nil || !strings.HasPrefix(err.Error(), "read a rulebook: ") {
			t.Errorf("%s: %+v %v", c.Name, b, err)
		}
	}
	if n < 20 {
		t.Errorf("%d cases", n)
	}
}

func TestParseName(t *testing.T) {
	for _, name := range []string{"", "1", "1:", ":0123456789abcdef", "1:123", "01:0123456789abcdef", "1:0123456789ABCDEF", "-1:0123456789abcdef",
		"1:0123456789abcdef0", "1:0123456789abcdef ", "v1"} {
		if serial, d, ok := ParseName(name); ok {
			t.Errorf("%q is read as %d %s", name, serial, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(book(1, "183").Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Parse(text)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Text(), text) || !json.Valid(text) {
			t.Errorf("%q is read as %q", text, b.Text())
		}
	})
}

func ExampleRulebook_Name() {
	fmt.Println((&Rulebook{Serial: 2, Features: map[string]int{"profile": 1}, Settings: map[string]string{}}).Name())
	// Output: 2:add77f65e5123d4c
}
