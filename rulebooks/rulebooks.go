// Package rulebooks is the rules that touchfold brings along, as text; as against state/rules, which runs them. Its one
// rule: what is in force where nothing is configured is a file that a marketer can read, copy and change.
package rulebooks

import _ "embed"

//go:embed department-store.yaml
var departmentStore string

// DepartmentStore is the rulebook that is in force where none is configured: the four segments of a department store.
func DepartmentStore() string { return departmentStore }
