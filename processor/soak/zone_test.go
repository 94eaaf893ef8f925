package soak

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// zoneName is the business zone of a soak: one that exists nowhere else, made so that a midnight, at which facts change
// by time alone, comes while faults run. Go reads it from the folder that the variable ZONEINFO names.
const zoneName = "Soak/Midnight"

// makeZone writes the zone and returns what it is and the folder.
func makeZone(t *testing.T, dir string, midnight time.Time) (zone *time.Location, zoneinfo string) {
	t.Helper()
	utc := midnight.UTC()
	ahead := 24*3600 - (utc.Hour()*3600 + utc.Minute()*60 + utc.Second())
	if ahead > 12*3600 {
		ahead -= 24 * 3600
	}
	file := filepath.Join(dir, zoneName)
	// A TZif file (RFC 8536) without transitions: the header, one type of local time, its name.
	b := append([]byte("TZif"), make([]byte, 16)...)
	for _, count := range []uint32{0, 0, 0, 0, 1, 4} {
		b = binary.BigEndian.AppendUint32(b, count)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(int32(ahead)))
	b = append(append(b, 0, 0), "SOA\x00"...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocationFromTZData(zoneName, b)
	if err != nil {
		t.Fatal(err)
	}
	return zone, dir
}
