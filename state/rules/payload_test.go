package rules

import (
	"testing"

	"github.com/touchfold/touchfold/state/rules/field"
)

// TestPayloadNumbers: what was sent as a number is carried as one, with all its digits if rules count with fewer.
func TestPayloadNumbers(t *testing.T) {
	for sent, want := range map[string]string{
		`1745012345678901248`: `1745012345678901248`, `-9000000000001`: `-9000000000001`,
		`"1745012345678901248"`: `"1745012345678901248"`,
		`0.1234567`:             `0.1234567`, `4.50`: `4.5`, `"4.50"`: `"4.50"`, `1e3`: `1000`, `1e13`: `1e13`, `true`: `"true"`,
	} {
		v, ok := field.ValueOfJSON([]byte(sent))
		if got := jsonOf(v); !ok || got != want {
			t.Errorf("%s is carried as %s, want %s", sent, got, want)
		}
	}
}
