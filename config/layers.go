package config

import (
	"fmt"
	"regexp"
	"strings"
)

const envPrefix = "TOUCHFOLD_"

// variable is the environment's name for a key: kafka.brokers is TOUCHFOLD_KAFKA_BROKERS.
func variable(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// notHere says where a secret may come from: what is on a command line or in a shared file is no secret.
func (k key) notHere() string {
	return fmt.Sprintf("%s: a secret does not stand here; give it by %s or %s_file", k.path, variable(k.path), k.path)
}

// readEnv notes all variables that begin with TOUCHFOLD_. A variable that no key has is a fault.
func (l *loader) readEnv(env []string) {
	var names []string
	for _, k := range l.keys {
		names = append(names, variable(k.path))
	}
	for i, entry := range env {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || isServiceLink(name, text) {
			continue
		}
		at := place{layer: fromEnv, name: name, line: i}
		if k, ok := l.find(func(k key) bool { return variable(k.path) == name }); ok {
			l.written[k.path] = append(l.written[k.path], k.written(at, text))
		} else {
			l.fault(at, "there is no such variable%s", DidYouMean(name, names))
		}
	}
}

// readFlags notes key.path=value, or "--flag key.path=value" for a flag that stands for a key.
func (l *loader) readFlags(flags []string) {
	for i, flag := range flags {
		path, text, ok := strings.Cut(flag, "=")
		at := place{layer: fromFlag, name: "--set " + path, line: i}
		if name, rest, named := strings.Cut(path, " "); named {
			at.name, path = name, rest
		}
		k, known := l.find(func(k key) bool { return k.path == path })
		switch {
		case !ok:
			l.fault(at, "has no value; write --set key=value")
		case known && k.secret:
			l.fault(at, "%s", k.notHere())
		case known:
			l.written[k.path] = append(l.written[k.path], k.written(at, text))
		default:
			l.fault(at, "there is no such key%s", meant(path, l.paths()))
		}
	}
}

func (l *loader) find(is func(key) bool) (key, bool) {
	for _, k := range l.keys {
		if is(k) {
			return k, true
		}
	}
	return key{}, false
}

// Kubernetes sets these in every container beside a service that is called touchfold or touchfold-something.
var (
	serviceName = regexp.MustCompile(`_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)
	servicePort = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

func isServiceLink(name, text string) bool {
	return serviceName.MatchString(name) || strings.HasSuffix(name, "_PORT") && servicePort.MatchString(text)
}
