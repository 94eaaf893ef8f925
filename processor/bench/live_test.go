package bench

import (
	"reflect"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// TestPercentiles: the least time within which so many were.
func TestPercentiles(t *testing.T) {
	var ms []float64
	for i := range 200 {
		ms = append(ms, float64(200-i))
	}
	if got, want := percentiles(ms), (Percentiles{100, 180, 198, 200}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := percentiles([]float64{3, 1, 2}), (Percentiles{2, 3, 3, 3}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := percentiles([]float64{7}), (Percentiles{7, 7, 7, 7}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestHistogram: each time is in one bucket, and the last one is not empty.
func TestHistogram(t *testing.T) {
	got := histogram([]float64{0, 1, 1.5, 5, 11, 50})
	want := []Bucket{{1, 2}, {2, 1}, {5, 1}, {10, 0}, {20, 1}, {50, 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestMatch: the latency of a derived event is since the append of the touchpoint before its position; what time caused, and
// what came in the warm-up, is not counted.
func TestMatch(t *testing.T) {
	appended := []events.Instant{1000, 2000, 3000}
	at := func(position events.Offset, ms int64, byEvent bool) heard {
		return heard{at: events.Instant(ms + 4).Time(), appended: events.Instant(ms), position: position, byEvent: byEvent}
	}
	var m matched
	m.add(50, appended, 1500, []heard{at(50, 1001, true), at(51, 1002, true), at(52, 2010, true), at(52, 2500, false), at(53, 3020, true), at(54, 4000, true)})
	if want := (matched{[]float64{14, 24}, []float64{10, 20}, 1}); !reflect.DeepEqual(m, want) {
		t.Errorf("%+v, want %+v", m, want)
	}
}
