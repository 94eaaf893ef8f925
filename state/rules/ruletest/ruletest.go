// Package ruletest draws random rulebooks and random pasts of one customer, and has a table of small cases worked out by
// hand from docs/rulebook.md: what tests of package rules begin with, as against the oracle, which tells them what is
// right. Its one rule: few names, few values, few durations, so that what a rule says changes often.
package ruletest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/tzdata"
)

// HKD is the business currency of what is drawn.
var HKD = events.Currency{'H', 'K', 'D'}

// Zones are the business zones that are drawn: Hong Kong has had no summer time since 1979, Lord Howe's is half an hour.
var Zones = []string{"Asia/Hong_Kong", "Europe/London", "America/New_York", "Australia/Lord_Howe"}

// Zone draws one of Zones.
func Zone(t *rapid.T) *time.Location { return Load(rapid.SampledFrom(Zones).Draw(t, "zone")) }

// Load is the zone of that name, which must be an IANA zone.
func Load(name string) *time.Location {
	zone, err := tzdata.Load(name)
	if err != nil {
		panic(err)
	}
	return zone
}

const (
	second = events.Instant(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// changes are the instants from 1979 on, where the zone has any after 2023 those of 2024, at which its clocks change.
func changes(zone *time.Location) (at []events.Instant) {
	for _, from := range []int{2024, 1979} {
		end := time.Date(from+1, 1, 1, 0, 0, 0, 0, time.UTC)
		for t := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC); ; {
			_, next := t.In(zone).ZoneBounds()
			if next.IsZero() || !next.After(t) || !next.Before(end) {
				break // or, in Go 1.26, the last day of a leap year
			}
			if offset(next.Add(-1), zone) != offset(next, zone) {
				at = append(at, events.At(next))
			}
			t = next
		}
		if len(at) > 0 {
			return at
		}
	}
	return []events.Instant{events.At(time.Date(2024, 3, 1, 0, 0, 0, 0, zone))} // a zone without: the end of a 29 February
}

func offset(t time.Time, zone *time.Location) int {
	_, seconds := t.In(zone).Zone()
	return seconds
}

func pick[T any](t *rapid.T, label string, of ...T) T { return rapid.SampledFrom(of).Draw(t, label) }

// chance is true once in n.
func chance(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }
