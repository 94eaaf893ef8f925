package events

import "testing"

// TestMurmur2 holds murmur2 to the vectors of Kafka's own test (clients, UtilsTest.testMurmur2).
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string":                       -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := int32(murmur2(key)); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
		if got, want := ShardOf(CustomerID(key), 7), ShardID(int(uint32(want)&0x7fffffff)%7); got != want {
			t.Errorf("ShardOf(%q, 7) = %d, want %d", key, got, want)
		}
	}
}
