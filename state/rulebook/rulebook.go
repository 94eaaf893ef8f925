// Package rulebook is what belief depends on beside events: settings, and the features with their versions. As against
// the configuration of a process, it stands in the log: a record in every partition of the touchpoints, in force from
// there on for whoever folds that partition, now or in a replay. Its one rule: of the rulebooks that a partition holds the
// greatest is in force, by serial and then by digest, so that neither their order nor a copy matters.
//
// A rulebook is text: what a setting means, and what a feature does, is others' to know. What belief will depend on
// later, such as the rules that a marketer writes, is a setting too; the form of a rulebook does not change.
package rulebook

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/touchfold/touchfold/events"
)

// MaxBytes bounds a rulebook's text, so that a record that holds it as a JSON string is below Kafka's usual 1 MiB.
const MaxBytes = 256 << 10

// ErrCannotRun is that this program cannot run a rulebook; what wraps it says which, and why.
var ErrCannotRun = errors.New("this version of touchfold cannot run it")

// A Rulebook is what belief depends on. It is never modified once it is in use.
type Rulebook struct {
	Serial   uint64            // 1, 2, 3 … in a log; 0 of one that stands in none yet
	Features map[string]int    // the features that are folded, at least one, by name, with the versions that are needed, from 1
	Settings map[string]string // by key
}

// A Digest tells rulebooks of different content apart, whatever their serial: the first 8 bytes, big endian, of SHA-256
// over the text without the serial.
type Digest uint64

// String is d as 16 hexadecimal digits.
func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// content is what a digest is of; text is what is written.
type content struct {
	Features map[string]int    `json:"features"`
	Settings map[string]string `json:"settings"`
}

type text struct {
	Serial uint64 `json:"serial"`
	content
}

// Text is b as JSON, canonical: equal rulebooks are equal bytes.
func (b *Rulebook) Text() []byte { return canonical(text{b.Serial, content{b.Features, b.Settings}}) }

// Digest is that of b's content.
func (b *Rulebook) Digest() Digest {
	sum := sha256.Sum256(canonical(content{b.Features, b.Settings}))
	return Digest(binary.BigEndian.Uint64(sum[:]))
}

// canonical is JSON with names in order, without spaces, and with no escapes but those that JSON demands.
func canonical(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("rulebook: maps of texts and numbers cannot be encoded") // a bug of ours
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Name is serial:digest, by which logs, marks and people refer to b.
func (b *Rulebook) Name() string { return fmt.Sprintf("%d:%s", b.Serial, b.Digest()) }

// ParseName reads a Name.
func ParseName(name string) (serial uint64, d Digest, ok bool) {
	first, second, _ := strings.Cut(name, ":")
	serial, err := strconv.ParseUint(first, 10, 64)
	n, err2 := strconv.ParseUint(second, 16, 64)
	d = Digest(n)
	return serial, d, err == nil && err2 == nil && fmt.Sprintf("%d:%s", serial, d) == name
}

// Numbered is b with another serial.
func (b *Rulebook) Numbered(serial uint64) *Rulebook {
	return &Rulebook{serial, maps.Clone(b.Features), maps.Clone(b.Settings)}
}

// compare orders rulebooks: of those in a partition the greatest is in force.
func (b *Rulebook) compare(o *Rulebook) int {
	return cmp.Or(cmp.Compare(b.Serial, o.Serial), cmp.Compare(b.Digest(), o.Digest()))
}

// Control is the record by which b stands in a log from an instant on.
func (b *Rulebook) Control(at events.Instant) events.Control {
	return events.Control{Kind: events.RulebookControl, ID: b.id(), At: at, Value: b.Text()}
}

func (b *Rulebook) id() string { return fmt.Sprintf("rulebook/%d/%s", b.Serial, b.Digest()) }

// FromControl reads the rulebook of a control. An error is as of Parse.
func FromControl(c *events.Control) (*Rulebook, error) {
	b, err := Parse(c.Value)
	switch {
	case err != nil:
		return nil, err
	case b.Serial == 0:
		return nil, errors.New("read a rulebook: it has no serial")
	case b.id() != c.ID:
		return nil, errors.New("read a rulebook: its ce_id is that of another")
	}
	return b, nil
}

// Parse reads what Text wrote, to the byte, and refuses all else. The error says what is wrong, in words that hold
// nothing of the text.
func Parse(written []byte) (*Rulebook, error) {
	if len(written) > MaxBytes {
		return nil, fmt.Errorf("read a rulebook: it has %d bytes, at most %d are read", len(written), MaxBytes)
	}
	var t text
	if err := json.Unmarshal(written, &t); err != nil {
		return nil, errors.New("read a rulebook: it is not the JSON of one")
	}
	b := &Rulebook{t.Serial, t.Features, t.Settings}
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("read a rulebook: %w", err)
	}
	if !bytes.Equal(b.Text(), written) {
		return nil, errors.New("read a rulebook: it is not written as touchfold writes it: members serial, features and settings, " +
			"names in order and once each, no spaces")
	}
	return b, nil
}

var (
	featureName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	settingName = regexp.MustCompile(`^[a-z0-9_][a-z0-9_.-]{0,127}$`)
)

func (b *Rulebook) check() error {
	if len(b.Features) == 0 {
		return errors.New("it names no features, so nothing would be known of anybody")
	}
	for name, version := range b.Features {
		if !featureName.MatchString(name) {
			return errors.New("a feature's name is not lower case letters, digits and _")
		}
		if version < 1 {
			return fmt.Errorf("feature %s has version %d; versions begin at 1", name, version)
		}
	}
	if b.Settings == nil {
		return errors.New("it has no settings")
	}
	for key, value := range b.Settings {
		if !settingName.MatchString(key) {
			return errors.New("a setting's key is not lower case letters, digits and . _ -")
		}
		// How other characters are written in JSON is not the same in every version of the encoder.
		if !utf8.ValidString(value) || strings.ContainsFunc(value, unwritable) {
			return fmt.Errorf("setting %s is not text: it has control characters, or is not UTF-8", key)
		}
	}
	return nil
}

// unwritable is true of control characters but the ends of lines and the tab, and of two line separators.
func unwritable(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || r == 0x2028 || r == 0x2029
}
