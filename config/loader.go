package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/rulebooks"
)

// A setting is what somebody wrote for a key: of a list any number of items, else one.
type setting struct {
	place place
	items []item
}

type item struct {
	place  place
	text   string
	quoted bool // in the file
}

// written is a setting that is not from the file; the items of a list are separated by commas.
func (k key) written(at place, text string) setting {
	s := setting{place: at}
	if !k.value.isList {
		s.items = []item{{place: at, text: text}}
	} else if strings.TrimSpace(text) != "" {
		for part := range strings.SplitSeq(text, ",") {
			s.items = append(s.items, item{place: at, text: strings.TrimSpace(part)})
		}
	}
	return s
}

// A loader gathers what every layer says and applies it once, key by key.
type loader struct {
	c       *Config
	keys    []key
	written map[string][]setting // by key, in the order in which they override
	from    map[string]place     // where the value of a key comes from
	faults  Faults
}

func newLoader() *loader {
	c := new(Config)
	return &loader{c: c, keys: c.keys(), written: map[string][]setting{}, from: map[string]place{}}
}

func (l *loader) read(name string, text []byte, env, flags []string) {
	l.readYAML(name, text)
	l.readEnv(env)
	l.readFlags(flags)
	for _, k := range l.keys {
		l.apply(k)
	}
	l.compare()
	if l.c.Rulebook == DefaultRulebook {
		l.c.Rules = rulebooks.DepartmentStore()
	}
}

func (l *loader) result() (*Config, error) {
	if len(l.faults) > 0 {
		l.faults.sort()
		return nil, l.faults
	}
	return l.c, nil
}

func (l *loader) fault(at place, format string, args ...any) {
	l.faults = append(l.faults, Fault{at, fmt.Errorf(format, args...).Error()})
}

// apply sets a key to its default and then to what each layer says, so that also what is overridden is checked.
func (l *loader) apply(k key) {
	for _, s := range append([]setting{k.written(place{}, k.initial)}, l.written[k.path]...) {
		l.from[k.path] = s.place
		texts := make([]string, len(s.items))
		for i, it := range s.items {
			texts[i] = it.text
			if k.value.isNumber && it.quoted {
				l.fault(it.place, "%s: is text; write the number without quotes", k.path)
			}
		}
		for i, err := range k.value.set(texts) {
			if err != nil {
				l.fault(s.items[i].place, "%s: %w", k.path, err)
			}
		}
	}
}

// compare checks what concerns two keys. The fault stands where the later of the two was written.
func (l *loader) compare() {
	t := l.c.Topics
	topics := []struct{ path, name string }{
		{"topics.touchpoints", t.Touchpoints}, {"topics.events", t.Events}, {"topics.parked", t.Parked},
	}
	for i, a := range topics {
		for _, b := range topics[:i] {
			if a.name == "" || b.name == "" || dotless(a.name) != dotless(b.name) {
				continue
			}
			at := l.later(a.path, b.path)
			if a.name == b.name {
				l.fault(at, "%s and %s are both %q; each needs a topic of its own", b.path, a.path, a.name)
			} else {
				l.fault(at, "%s %q and %s %q differ only in . and _, which Kafka does not allow", b.path, b.name, a.path, a.name)
			}
		}
	}
	if s, m := l.c.Store.CacheBytes, l.c.Memory; m > 0 && s > m/2 {
		l.fault(l.later("store.cache", "memory"), "store.cache: %s is more than half of memory, which is %s; write %s or less, or raise memory", s, m, m/2)
	}
}

func (l *loader) later(a, b string) place {
	return slices.MaxFunc([]place{l.from[a], l.from[b]}, place.compare)
}

// dotless is a topic's name as Kafka's metrics have it, in which . and _ are one.
func dotless(name string) string { return strings.ReplaceAll(name, ".", "_") }
