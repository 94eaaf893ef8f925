package story

import "strings"

// A Difference is what a story expects below a line and what it got.
type Difference struct {
	Line     int    // of the first line that differs, from 1; of one that is missing where it should stand
	Below    string // the line
	Expected []string
	Got      []string
}

// Compare says where a story differs from itself as it was told.
func Compare(written, told string) (all []Difference) {
	w, t := steps(written), steps(told)
	for i := range w {
		var got []string
		if i < len(t) {
			got = t[i].said
		}
		a, b, same := w[i].said, got, 0
		for same < min(len(a), len(b)) && a[same] == b[same] {
			same++
		}
		if same < max(len(a), len(b)) {
			all = append(all, Difference{w[i].line + same + 1, w[i].text, a[same:], b[same:]})
		}
	}
	return all
}

// step is a line of a story and what is said below it.
type step struct {
	line int
	text string
	said []string
}

func steps(text string) []step {
	all := []step{{}}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if last := &all[len(all)-1]; strings.HasPrefix(line, ">") {
			last.said = append(last.said, line)
			continue
		}
		all = append(all, step{line: i + 1, text: line})
	}
	return all
}
