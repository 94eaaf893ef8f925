//go:build !race

package processor

const slowly = 1
