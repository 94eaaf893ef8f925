package kafka

import "testing"

// TestBody: what a large batch left is used again for one like it, and not for many small ones.
func TestBody(t *testing.T) {
	t.Parallel()
	var m memory
	m.keep(make([]byte, 1000, keepable))
	m.used = 0
	if b := m.body(keepable / 4); cap(b) != keepable || len(b) != 0 {
		t.Errorf("for a large one: %d bytes of %d", len(b), cap(b))
	}
	if b := m.body(1000); cap(b) != 1000 || len(b) != 0 {
		t.Errorf("for a small one: %d bytes of %d", len(b), cap(b))
	}
}
