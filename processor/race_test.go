//go:build race

package processor

// slowly: under the race detector everything takes ten times as long, so the large tests are a fifth of their size.
const slowly = 5
