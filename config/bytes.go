package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a number of bytes. Its String is exact and is read back by ParseBytes.
type Bytes int64

// Binary units, the largest first. Decimal ones are not read: nobody is sure what MB means.
var byteUnits = []struct {
	name string
	size Bytes
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// ParseBytes reads a whole number and its unit: 256MiB, 1 GiB, 4096B.
func ParseBytes(text string) (Bytes, error) {
	for _, unit := range byteUnits {
		digits, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(digits, " "), 10, 63)
		if err != nil || Bytes(n) > (1<<63-1)/unit.size {
			break
		}
		return Bytes(n) * unit.size, nil
	}
	return 0, fmt.Errorf("%q is not a size; write a whole number and B, KiB, MiB, GiB or TiB, such as 256MiB", text)
}

// String is b in the largest unit that leaves it whole.
func (b Bytes) String() string {
	for _, unit := range byteUnits {
		if b != 0 && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return "0B"
}

// cacheBytes is a size, of nothing a quarter of all memory.
func cacheBytes(memory *Bytes) func(string) (Bytes, error) {
	const least, most = 1 << 20, 1 << 40
	return func(text string) (Bytes, error) {
		if text == "" {
			return *memory / 4, nil
		}
		b, err := ParseBytes(text)
		if err == nil && (b < least || b > most) {
			err = fmt.Errorf("%s is out of range; write %s to %s", text, Bytes(least), Bytes(most))
		}
		return b, err
	}
}
