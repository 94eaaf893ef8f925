// Package tzdata is the time zones, as a file in this program. As against time.LoadLocation it never asks the machine, and a
// newer Go does not change it: its one rule is that a name means the same clock wherever and whenever it is read. The
// file is lib/time/zoneinfo.zip of Go 1.26; with a newer one days may begin elsewhere, so that is a change of meaning.
package tzdata

import (
	"archive/zip"
	_ "embed" // the file below
	"fmt"
	"io"
	"strings"
	"time"
)

//go:embed zoneinfo.zip
var file string

// Names are the zones that there are, in no order: IANA names, exactly as they are written.
func Names() (names []string) {
	for _, f := range entries() {
		names = append(names, f.Name)
	}
	return names
}

// Load is the zone of that name. The name tells large letters from small ones, and "Local" is none.
func Load(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	for _, f := range entries() {
		if f.Name == name {
			return read(f)
		}
	}
	return nil, fmt.Errorf("%q is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC", name)
}

// entries panics on a broken file: it is part of the program.
func entries() []*zip.File {
	z, err := zip.NewReader(strings.NewReader(file), int64(len(file)))
	if err != nil {
		panic(fmt.Errorf("read the embedded time zones: %w", err))
	}
	return z.File
}

func read(f *zip.File) (*time.Location, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("open the embedded time zone %s: %w", f.Name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the embedded time zone %s: %w", f.Name, err)
	}
	return time.LoadLocationFromTZData(f.Name, b)
}
