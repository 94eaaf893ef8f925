package expr

import (
	"math/bits"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/touchfold/touchfold/state/rules/field"
)

// decimal is a number in millionths, as CEL sees it: a double whose arithmetic is exact to six places, rounded half to even,
// and stays at field.Most beyond it.
type decimal int64

func (d decimal) Type() ref.Type { return types.DoubleType }
func (d decimal) Value() any     { return float64(d) / field.One }

func (d decimal) ConvertToNative(reflect.Type) (any, error) { return d.Value(), nil }
func (d decimal) ConvertToType(ref.Type) ref.Val            { return types.NewErr("a number stays a number") }

func (d decimal) Equal(other ref.Val) ref.Val {
	o, ok := other.(decimal)
	return types.Bool(ok && o == d)
}

func (d decimal) Compare(other ref.Val) ref.Val {
	o, ok := decimalOf(other)
	switch {
	case !ok:
		return types.NoSuchOverloadErr()
	case d < o:
		return types.IntNegOne
	case d > o:
		return types.IntOne
	}
	return types.IntZero
}

// precise is a number that was sent with more than a decimal holds: it counts as that, but is equal only to its own digits.
type precise struct {
	decimal
	text string
}

func (p precise) Equal(other ref.Val) ref.Val {
	o, ok := other.(precise)
	return types.Bool(ok && o == p)
}

// decimalOf is a number as arithmetic takes it.
func decimalOf(v ref.Val) (decimal, bool) {
	if p, ok := v.(precise); ok {
		return p.decimal, true
	}
	d, ok := v.(decimal)
	return d, ok
}

func (d decimal) with(other ref.Val, of func(a, b int64) (int64, bool)) ref.Val {
	o, ok := decimalOf(other)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	n, ok := of(int64(d), int64(o))
	if !ok {
		return types.NewErr("division by zero")
	}
	return decimal(n)
}

func (d decimal) Add(other ref.Val) ref.Val      { return d.with(other, add) }
func (d decimal) Subtract(other ref.Val) ref.Val { return d.with(other, subtract) }
func (d decimal) Multiply(other ref.Val) ref.Val { return d.with(other, multiply) }
func (d decimal) Divide(other ref.Val) ref.Val   { return d.with(other, divide) }
func (d decimal) Negate() ref.Val                { return -d }

func add(a, b int64) (int64, bool) {
	switch { // neither is beyond Most, so only one side can be
	case b > 0 && a > field.Most-b:
		return field.Most, true
	case b < 0 && a < -field.Most-b:
		return -field.Most, true
	}
	return a + b, true
}

func subtract(a, b int64) (int64, bool) { return add(a, -b) }

func multiply(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	return quotient(hi, lo, field.One, a < 0 != (b < 0)), true
}

// divide is false of a division by zero.
func divide(a, b int64) (int64, bool) {
	if b == 0 {
		return 0, false
	}
	hi, lo := bits.Mul64(magnitude(a), field.One)
	return quotient(hi, lo, magnitude(b), a < 0 != (b < 0)), true
}

// quotient is hi:lo / by, rounded half to even, at most Most.
func quotient(hi, lo, by uint64, negative bool) int64 {
	n := uint64(field.Most)
	if hi < by {
		q, r := bits.Div64(hi, lo, by)
		if r > by-r || r == by-r && q%2 == 1 {
			q++
		}
		n = min(q, field.Most)
	}
	if negative {
		return -int64(n)
	}
	return int64(n)
}

func magnitude(n int64) uint64 { return uint64(max(n, -n)) }
