package rulefile

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/state/rules"
)

var update = flag.Bool("update", false, "write what is told")

// frames are what stands around the text of a case.
var frames = map[string]string{
	"when":    "version: 1\nsegments:\n- {id: big_spender, when: {event: Order Completed}}\n- id: s\n  when:\n    %s\n",
	"segment": "version: 1\nsegments:\n- id: t\n  when: {event: A}\n- when: {event: Order Completed}\n  id: s\n  %s\n",
	"on":      "version: 1\nsegments:\n- {id: big_spender, when: {event: Order Completed}}\ntriggers:\n- id: t\n  on:\n    %s\n",
	"trigger": "version: 1\nsegments:\n- {id: big_spender, when: {event: Order Completed}}\ntriggers:\n- id: t\n  on: {event: Order Completed}\n  %s\n",
	"file":    "%s",
}

// frame is the text of a case and where what was put into it begins.
func frame(t testing.TB, line string) (raw string, begin rules.Place) {
	kind, rest, _ := strings.Cut(line, " ")
	around, known := frames[kind]
	if !known {
		t.Fatalf("no case: %s", line)
	}
	if kind == "file" {
		var err error
		if rest, err = strconv.Unquote(rest); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	before, _, _ := strings.Cut(around, "%s")
	begin.Line = strings.Count(before, "\n")
	begin.Column = len(before) - strings.LastIndex(before, "\n") - 1
	return fmt.Sprintf(around, rest), begin
}

// cases are the lines of testdata/faults.txt that are a case, each with what must be told.
func cases(t testing.TB) (lines []string, told map[string][]string) {
	raw, err := os.ReadFile("testdata/faults.txt")
	if err != nil {
		t.Fatal(err)
	}
	told = map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		switch fault, isFault := strings.CutPrefix(line, "\t"); {
		case isFault:
			last := lines[len(lines)-1]
			told[last] = append(told[last], fault)
		default:
			lines = append(lines, line)
		}
	}
	return lines, told
}

// Every fault of every faulty rulebook is told at its place, and nothing else.
func TestFaults(t *testing.T) {
	lines, told := cases(t)
	var out strings.Builder
	n := 0
	for _, line := range lines {
		out.WriteString(line + "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		n++
		raw, begin := frame(t, line)
		_, err := Parse("f.yaml", []byte(raw))
		var faults *Faults
		if !errors.As(err, &faults) {
			t.Errorf("%s: taken", line)
			continue
		}
		var got []string
		for _, f := range faults.All {
			got = append(got, fmt.Sprintf("%d:%d: %s", f.At.Line-begin.Line, f.At.Column-begin.Column, f.Text))
		}
		out.WriteString("\t" + strings.Join(got, "\n\t") + "\n")
		if want := told[line]; !*update && strings.Join(want, "\n") != strings.Join(got, "\n") {
			t.Errorf("%s\n%s\nwants\n%s", line, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if n < 150 {
		t.Errorf("%d cases", n)
	}
	if *update {
		if err := os.WriteFile("testdata/faults.txt", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
