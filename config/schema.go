package config

import (
	"encoding/json"
	"strconv"
	"strings"
)

// What texts look like, for editors: a value's check refuses more.
const (
	nameForm     = `^[A-Za-z0-9._-]+$`
	timeForm     = `^([0-9]+(\.[0-9]*)?(ms|s|m|h))+$`
	sizeForm     = `^([0-9]+ ?(B|KiB|MiB|GiB|TiB))?$`
	hostPortForm = `^[^/]*:[0-9]+$`
)

// schema is JSON Schema 2020-12.
type schema map[string]any

// like is v whose texts have a form, as editors check it.
func (v value) like(form string) value {
	s := schema{"type": "string", "pattern": form}
	if form == nameForm {
		s["type"] = v.schema["type"] // digits without quotes are one, too
	}
	if v.isList {
		s = schema{"type": "array", "items": schema{"type": "string", "pattern": form}, "uniqueItems": true}
	}
	v.schema = s
	return v
}

// Schema is the JSON Schema of the file, for editors: yaml-language-server takes it. What Parse takes it takes.
func Schema() []byte {
	root := section("The configuration of one touchfold process; every key may be left out.")
	for _, k := range new(Config).keys() {
		if k.secret {
			continue
		}
		names := strings.Split(k.path, ".")
		at := root
		for _, name := range names[:len(names)-1] {
			inner := at["properties"].(schema)
			if inner[name] == nil {
				inner[name] = section("")
			}
			at = inner[name].(schema)
		}
		s := schema{"description": k.doc}
		for word, v := range k.value.schema {
			s[word] = v
		}
		if k.initial != "" {
			s["default"] = k.initialJSON()
		}
		at["properties"].(schema)[names[len(names)-1]] = s
	}
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "touchfold configuration"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // the table holds texts and numbers
	}
	return append(text, '\n')
}

func section(doc string) schema {
	s := schema{"type": "object", "properties": schema{}, "additionalProperties": false}
	if doc != "" {
		s["description"] = doc
	}
	return s
}

func (k key) initialJSON() any {
	if n, err := strconv.Atoi(k.initial); err == nil && k.value.isNumber {
		return n
	}
	return k.initial
}
