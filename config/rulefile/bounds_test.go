package rulefile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/state/rules"
)

// hostile are texts of about n bytes that are made to be expensive.
var hostile = map[string]func(n int) string{
	"[":            func(n int) string { return strings.Repeat("[", n) },
	"{":            func(n int) string { return strings.Repeat("{", n) },
	"]":            func(n int) string { return strings.Repeat("]", n) },
	"[]":           func(n int) string { return "a: [" + strings.Repeat("[],", n/3) + "]" },
	"{a: ":         func(n int) string { return strings.Repeat("{a: ", n/4) },
	"- ":           func(n int) string { return strings.Repeat("- ", n/2) },
	"lists":        func(n int) string { return strings.Repeat("- a\n", n/4) },
	"keys":         func(n int) string { return strings.Repeat("a: b\n", n/5) },
	"other keys":   func(n int) string { return keysOf(n, "a%d: b\n") },
	"keys in line": func(n int) string { return "{" + keysOf(n, "a%d: b, ") + "}" },
	"a: a: ":       func(n int) string { return strings.Repeat("a: ", n/3) },
	"? ":           func(n int) string { return strings.Repeat("? ", n/2) },
	"indented":     func(n int) string { return indented(n) },
	"comments":     func(n int) string { return strings.Repeat("#\n", n/2) },
	"empty lines":  func(n int) string { return "a:" + strings.Repeat("\n", n) + " b" },
	"spaces":       func(n int) string { return "a:" + strings.Repeat(" ", n) + "b" },
	"quotes":       func(n int) string { return strings.Repeat("\"", n) },
	"open quote":   func(n int) string { return "\"" + strings.Repeat("a", n) },
	"spaces in":    func(n int) string { return "\"" + strings.Repeat(" a", n/2) },
	"lines in":     func(n int) string { return "a: \"" + strings.Repeat("x\n ", n/3) + "\"" },
	"plain lines":  func(n int) string { return "a:\n" + strings.Repeat(" b\n", n/3) },
	"plain":        func(n int) string { return "[" + strings.Repeat("b\n", n/2) },
	"text, blanks": func(n int) string { return "a: b" + strings.Repeat("\n ", n/2) + "#" },
	"literal":      func(n int) string { return "a: |\n" + strings.Repeat(" b\n", n/3) },
	"literals":     func(n int) string { return strings.Repeat("a: |\n b\n", n/8) },
	"empty in":     func(n int) string { return "a: |\n" + strings.Repeat(" b\n\n\n", n/5) },
	"flat list":    func(n int) string { return "version: 1\nsegments: [" + strings.Repeat("a,", n/2) + "]" },
	"rules":        func(n int) string { return "version: 1\nsegments: [" + strings.Repeat("{x: y},", n/7) + "]" },
	"names": func(n int) string {
		return "version: 1\nsegments: [{id: a, when: {event: [" + strings.Repeat("a,", n/2) + "]}}]"
	},
	"long key": func(n int) string { return strings.Repeat("a", n) + ": b" },
	"long name": func(n int) string {
		return "version: 1\nsegments: [{id: a, when: {event: " + strings.Repeat("a", n-50) + "}}]"
	},
	"long number": func(n int) string {
		return "version: 1\nsegments: [{id: a, when: {bucket: {salt: a, percent: " + strings.Repeat("9", n-70) + "}}}]"
	},
	"unknown segments": func(n int) string {
		return "version: 1\nsegments:\n" + rulesOf(480, 2, "{segment: {id: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab}}")
	},
	"a chain of segments": func(n int) string { return chain(450) },
	"all name all":        func(n int) string { return allNameAll(30) },
	"all in all":          func(n int) string { return "version: 1\nsegments: [{id: a, when: " + strings.Repeat("{all: [", 40) },
}

func keysOf(n int, form string) string {
	var b strings.Builder
	for i := 0; b.Len() < n-20; i++ {
		fmt.Fprintf(&b, form, i)
	}
	return b.String()
}

func indented(n int) string {
	var b strings.Builder
	for i := 0; b.Len()+i+3 < n; i++ {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// rulesOf are n rules with as many equal leaves each.
func rulesOf(n, each int, leaf string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "- {id: %s_%d, when: {all: [%s]}}\n", strings.Repeat("a", 50), i, strings.TrimSuffix(strings.Repeat(leaf+", ", each), ", "))
	}
	return b.String()
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString("version: 1\nsegments:\n")
	for i := range n {
		fmt.Fprintf(&b, "- {id: a%d, when: {segment: {id: a%d}}}\n", i, (i+1)%n)
	}
	return b.String()
}

func allNameAll(n int) string {
	var b strings.Builder
	b.WriteString("version: 1\nsegments:\n")
	for i := range n {
		fmt.Fprintf(&b, "- {id: a%d, when: {any: [", i)
		for k := range n {
			fmt.Fprintf(&b, "{segment: {id: a%d}},", k)
		}
		b.WriteString("]}}\n")
	}
	return b.String()
}

// soonest is the least time of three that a text takes, for the machine has other work.
func soonest(raw []byte) (least time.Duration, err error) {
	least = time.Hour
	for i := 0; i < 3 && (i == 0 || least > 10*time.Millisecond); i++ {
		begin := time.Now()
		_, err = Parse("f.yaml", raw)
		least = min(least, time.Since(begin))
	}
	return least, err
}

// Whatever a text is, it is refused, and soon: BenchmarkHostile says how soon. One that is too long is refused at once.
func TestHostile(t *testing.T) {
	for name, make := range hostile {
		raw := []byte(make(maxText))
		if len(raw) > maxText+1000 {
			t.Errorf("%s: %d bytes", name, len(raw))
		}
		raw = raw[:min(len(raw), maxText)]
		took, err := soonest(raw)
		var faults *Faults
		if !errors.As(err, &faults) || took > 20*time.Second || len(err.Error()) > 400*maxFaults {
			t.Errorf("%s: %v, %.200v", name, took, err)
		}
		t.Logf("%-20s %v %d faults", name, took.Round(100*time.Microsecond), len(faults.All))
	}
	took, err := soonest(make([]byte, 10<<20))
	if err == nil || err.Error() != "f.yaml: has more than 1048576 bytes; take rules out of it" {
		t.Error(err)
	}
	t.Logf("10 MB: %v", took)
}

// BenchmarkHostile is how long the texts take that take longest, each of a megabyte.
func BenchmarkHostile(b *testing.B) {
	for name, make := range hostile {
		raw := []byte(make(maxText))
		raw = raw[:min(len(raw), maxText)]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse("f.yaml", raw); err == nil {
					b.Fatal("it is taken")
				}
			}
		})
	}
}

// Each bound is taken, and one more is refused.
func TestBounds(t *testing.T) {
	nested := func(n int) string {
		return "version: 1\nsegments: [{id: a, when: " + strings.Repeat("{not: ", n-1) + "{event: A}" + strings.Repeat("}", n-1) + "}]"
	}
	circle := "f.yaml:3:34: segments in a circle"
	for name, c := range map[string]struct{ good, bad, want string }{
		"rules": {"version: 1\nsegments:\n" + rulesOf(250, 1, "{event: A}") + "triggers:\n" + strings.ReplaceAll(rulesOf(250, 1, "{event: A}"), "when: {all: [{event: A}]}", "on: {event: A}"),
			"version: 1\nsegments:\n" + rulesOf(251, 1, "{event: A}") + "triggers:\n" + strings.ReplaceAll(rulesOf(250, 1, "{event: A}"), "when: {all: [{event: A}]}", "on: {event: A}"),
			"f.yaml:1:1: has 501 rules; at most 500 are taken"},
		"segments":   {"version: 1\nsegments:\n" + rulesOf(500, 1, "{event: A}"), "version: 1\nsegments:\n" + rulesOf(501, 1, "{event: A}"), "f.yaml:3:1: segments: has 501 items; write 0 to 500 segments"},
		"leaves":     {"version: 1\nsegments:\n" + rulesOf(500, 2, "{event: A}"), "version: 1\nsegments:\n" + rulesOf(1, 501, "{event: A}") + strings.ReplaceAll(rulesOf(1, 500, "{event: A}"), "_0", "_b"), "f.yaml:4:"},
		"conditions": {nested(maxNested), nested(maxNested + 1), "f.yaml:2:" + fmt.Sprint(26+6*maxNested) + ": not: conditions lie more than 32 deep within each other; make segments of parts of it"},
		"levels":     {"version: 1", "a: " + strings.Repeat("[", maxDepth), "f.yaml:1:103: lies more than 100 levels deep; write it flatter"},
		"items":      {"version: 1\nsegments: [" + strings.Repeat("\n", maxWide) + "]", "[" + strings.Repeat("a,", maxWide+1), "f.yaml:1:20002: is more than the 10000 items that a list or keys that a mapping may have; take some out"},
		"circle":     {"version: 1", chain(3), circle},
	} {
		if _, err := Parse("f.yaml", []byte(c.good)); err != nil {
			t.Errorf("%s: %.300v", name, err)
		}
		if _, err := Parse("f.yaml", []byte(c.bad)); err == nil || !strings.HasPrefix(err.Error(), c.want) && name != "circle" {
			t.Errorf("%s: %.300v, not %s", name, err, c.want)
		}
	}
	_, err := Parse("f.yaml", []byte(keysOf(9000*9, "a%d: b\n")))
	if lines := strings.Split(err.Error(), "\n"); len(lines) != maxFaults+1 || !strings.HasSuffix(lines[maxFaults], "more faults; correct these first") {
		t.Errorf("%d lines, the last %s", len(lines), lines[len(lines)-1])
	}
}

// Parse never panics, tells faults in order within the text, and what it takes is written and read to an equal book.
func FuzzParse(f *testing.F) {
	f.Add(every(f))
	f.Add(Write(parse(f, every(f))))
	lines, _ := cases(f)
	for _, line := range lines {
		if line != "" && line[0] != '#' {
			raw, _ := frame(f, line)
			f.Add([]byte(raw))
		}
	}
	takes := takenBySchema(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := Parse("f.yaml", raw)
		if err == nil {
			if err := takes(raw); err != nil {
				t.Fatalf("the schema refuses it: %v", err)
			}
			again(t, b)
			return
		}
		var faults *Faults
		if !errors.As(err, &faults) || b != nil || len(faults.All) == 0 {
			t.Fatal(err)
		}
		before := rules.Place{}
		for _, fault := range faults.All {
			if fault.At.Line < before.Line || fault.At.Line > strings.Count(string(raw), "\n")+2 || fault.At.Column > len(raw)+2 || strings.Contains(fault.Text, "\n") {
				t.Fatalf("%v", err)
			}
			before = fault.At
		}
	})
}
