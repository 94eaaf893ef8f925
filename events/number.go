package events

import (
	"math/big"
	"math/bits"
)

// number is digits / 10^scale, exactly what was written, cut to 19 significant digits and 40 decimal places. No amount
// within MaxAmount is rounded otherwise for that.
type number struct {
	digits   uint64 // below 10^19
	scale    int    // at most 40; below zero for multiples of powers of ten
	negative bool   // less than zero
	cut      bool   // digits other than 0 were cut off
}

const (
	significant = 19
	places      = 40
)

var powersOfTen = [significant + 1]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	1e16, 1e17, 1e18, 1e19}

// parseNumber reads a number in JSON's grammar: no sign +, no leading zeros, no NaN.
func parseNumber(text []byte) (n number, ok bool) {
	if n, ok := parsePlain(text); ok {
		return n, true
	}
	if len(text) == 0 || numberLength(text) != len(text) {
		return n, false
	}
	i, taken, point := 0, 0, false
	if text[0] == '-' {
		n.negative = true
		i++
	}
	for ; i < len(text) && text[i]|0x20 != 'e'; i++ {
		if text[i] == '.' {
			point = true
			continue
		}
		digit := text[i] - '0'
		switch {
		case taken < significant:
			n.digits = n.digits*10 + uint64(digit)
			if n.digits > 0 {
				taken++
			}
			if point {
				n.scale++
			}
		case !point:
			n.scale--
			fallthrough
		default:
			n.cut = n.cut || digit != 0
		}
	}
	if i < len(text) {
		n.scale -= exponent(text[i+1:])
	}
	if n.digits == 0 {
		return number{}, true
	}
	n.toPlaces()
	return n, true
}

// parsePlain reads a number of at most 18 characters that are digits and at most one point, such as most are.
func parsePlain(text []byte) (n number, ok bool) {
	if len(text) == 0 || len(text) > significant-1 || text[0] == '0' && len(text) > 1 && text[1] != '.' {
		return n, false
	}
	point := len(text)
	for i, c := range text {
		switch {
		case c-'0' <= 9:
			n.digits = n.digits*10 + uint64(c-'0')
		case c == '.' && point == len(text) && i > 0 && i < len(text)-1:
			point = i
			n.scale = len(text) - 1 - i
		default:
			return number{}, false
		}
	}
	if n.digits == 0 {
		n.scale = 0
	}
	return n, true
}

// exponent reads the digits after e; what is out of all reason is cut to what is still so.
func exponent(text []byte) int {
	e, negative := 0, text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	for _, c := range text {
		e = min(e*10+int(c-'0'), 1e12)
	}
	if negative {
		return -e
	}
	return e
}

// toPlaces cuts what stands after the last decimal place that counts.
func (n *number) toPlaces() {
	over := n.scale - places
	if over <= 0 {
		return
	}
	n.scale = places
	if over > significant {
		n.digits, n.cut = 0, true
		return
	}
	n.cut = n.cut || n.digits%powersOfTen[over] != 0
	n.digits /= powersOfTen[over]
}

// round is the absolute value × 10^places, half up; ok is false if that is more than MaxAmount.
func (n number) round(places int) (v int64, rounded, ok bool) {
	if n.digits == 0 {
		return 0, n.cut, true
	}
	up := places - n.scale
	if up >= 0 {
		if up > significant {
			return 0, false, false
		}
		hi, lo := bits.Mul64(n.digits, powersOfTen[up])
		return int64(lo), n.cut, hi == 0 && lo <= MaxAmount
	}
	if -up > significant {
		return 0, true, true // less than a tenth
	}
	unit := powersOfTen[-up]
	q, r := n.digits/unit, n.digits%unit
	if r >= unit-r {
		q++
	}
	return int64(q), r != 0 || n.cut, q <= MaxAmount
}

// line is what an order's line adds to its sum.
type line struct{ price, quantity number }

// sum is the absolute value of the sum of price × quantity, exact, and then × 10^places and rounded half up, once.
func sum(lines []line, places int) (v int64, rounded, ok bool) {
	const scale = 9 // of the quick way, in 63 bits
	var total int64
	for i := range lines {
		p, q := &lines[i].price, &lines[i].quantity
		hi, product := bits.Mul64(p.digits, q.digits)
		up := scale - p.scale - q.scale
		if hi != 0 || up < 0 || up > significant {
			return bigSum(lines, places)
		}
		hi, product = bits.Mul64(product, powersOfTen[up])
		if hi != 0 || product >= 1<<62 {
			return bigSum(lines, places)
		}
		if p.negative != q.negative {
			total -= int64(product)
		} else {
			total += int64(product)
		}
		if total >= 1<<62 || total <= -1<<62 {
			return bigSum(lines, places)
		}
	}
	return number{digits: uint64(max(total, -total)), scale: scale}.round(places)
}

// bigSum is sum for what does not go into 63 bits. The numbers' magnitudes were found to be within MaxAmount.
func bigSum(lines []line, digits int) (v int64, rounded, ok bool) {
	const scale = 2 * places
	power := func(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	total := new(big.Int)
	for i := range lines {
		p, q := lines[i].price, lines[i].quantity
		product := new(big.Int).SetUint64(p.digits)
		product.Mul(product, new(big.Int).SetUint64(q.digits))
		product.Mul(product, power(scale-p.scale-q.scale))
		if p.negative != q.negative {
			product.Neg(product)
		}
		total.Add(total, product)
	}
	unit := power(scale - digits)
	rest := new(big.Int)
	total.Abs(total).QuoRem(total, unit, rest)
	rounded = rest.Sign() != 0
	if rest.Lsh(rest, 1).Cmp(unit) >= 0 {
		total.Add(total, big.NewInt(1))
	}
	if !total.IsInt64() || total.Int64() > MaxAmount {
		return 0, false, false
	}
	return total.Int64(), rounded, true
}
