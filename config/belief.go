package config

import (
	"maps"
	"slices"
)

// Settings are the keys on which belief depends, each with the one text that stands for its value: equal settings are
// equal texts, however they were written. A rulebook carries them through the log.
//
// A key on which belief comes to depend later has as its default what was so before there was the key, because a
// rulebook that does not name it is older than it.
func (c *Config) Settings() map[string]string {
	texts := map[string]string{}
	for _, k := range c.keys() {
		if k.belief {
			texts[k.path] = k.value.text()
		}
	}
	if c.Rules != "" {
		texts[rulesSetting] = c.Rules
	}
	return texts
}

// rulesSetting is the setting that holds the text of the rules.
const rulesSetting = "rules"

// Beliefs are what settings say.
type Beliefs struct {
	Business  Business
	Lifecycle Lifecycle
	Rules     string // the text of the rules, "" without
}

// Believe reads what Settings wrote, here or in another version of the program. What is not named has its default. The
// error is of type Faults, which name every setting that is unknown here or cannot be read.
func Believe(settings map[string]string) (Beliefs, error) {
	l := newLoader()
	for i, path := range slices.Sorted(maps.Keys(settings)) {
		if path == rulesSetting {
			continue
		}
		at := place{layer: fromFlag, name: "setting " + path, line: i}
		if k, known := l.find(func(k key) bool { return k.belief && k.path == path }); known {
			l.written[path] = []setting{k.written(at, settings[path])}
		} else {
			l.fault(at, "this version of touchfold does not know it")
		}
	}
	for _, k := range l.keys {
		l.apply(k)
	}
	l.compare()
	c, err := l.result()
	if err != nil {
		return Beliefs{}, err
	}
	return Beliefs{c.Business, c.Lifecycle, settings[rulesSetting]}, nil
}
