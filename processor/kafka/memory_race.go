//go:build race

package kafka

// poisoned: released memory is overwritten at once.
const poisoned = true
