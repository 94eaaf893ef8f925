//go:build !race

package rehearsal_test

func fewer(customers int) int { return customers }

const many = 8
