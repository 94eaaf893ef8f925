package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-" // what Kafka allows in a topic's name
	maxApp      = 100
	maxTopic    = 249 // Kafka's limit
)

func appName(text string) (string, error) {
	if text == "" {
		return "", errors.New("is empty; write a name such as shop")
	}
	return text, onlyLetters(text, maxApp)
}

func topicName(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("is empty; write a topic's name")
	case text == "." || text == "..":
		return "", fmt.Errorf("%q is not a topic's name in Kafka", text)
	case strings.HasPrefix(text, "__"):
		return "", fmt.Errorf("%q begins with __, which Kafka keeps for its own topics", text)
	}
	return text, onlyLetters(text, maxTopic)
}

func onlyLetters(text string, most int) error {
	for _, letter := range text {
		if !strings.ContainsRune(nameLetters, letter) {
			return fmt.Errorf("%q has a %q; only a-z A-Z 0-9 . _ - are allowed", text, letter)
		}
	}
	if len(text) > most {
		return fmt.Errorf("has %d letters; at most %d are allowed", len(text), most)
	}
	return nil
}

// anyText is a path or nothing. NUL can be in no path, and what is not UTF-8 could not be written as YAML.
func anyText(text string) (string, error) {
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return "", fmt.Errorf("%q is not a path", text)
	}
	return text, nil
}

func someText(text string) (string, error) {
	if text == "" {
		return "", errors.New("is empty; write a path")
	}
	return anyText(text)
}

func broker(text string) (string, error) {
	if strings.Contains(text, "://") {
		return "", fmt.Errorf("%q has a scheme; write host:port", text)
	}
	host, err := hostPort(text, 1)
	if err == nil && host == "" {
		err = fmt.Errorf("%q has no host; write host:port", text)
	}
	return text, err
}

func listenAddress(text string) (string, error) {
	_, err := hostPort(text, 0)
	return text, err
}

// hostPort is the host of host:port. IPv6 stands in brackets.
func hostPort(text string, leastPort int) (host string, err error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil || port == "" {
		return "", fmt.Errorf("%q has no port; write host:port, and IPv6 as [::1]:port", text)
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`/\,"'`, r) }) {
		return "", fmt.Errorf("%q is not a host's name; write host:port", host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || int(n) < leastPort {
		return "", fmt.Errorf("port %q is not a number from %d to 65535", port, leastPort)
	}
	return host, nil
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time with its unit; write for example 2s or 1500ms", text)
	}
	return d, nil
}

// zone refuses Local, which is another zone on another machine, and what only some machines have.
func zone(text string) (*time.Location, error) {
	var loc *time.Location
	err := errors.New("not portable")
	if text != "" && text != "Local" && !strings.HasPrefix(text, "posix/") && !strings.HasPrefix(text, "right/") {
		loc, err = time.LoadLocation(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a time zone; write an IANA name such as Asia/Hong_Kong, Europe/London or UTC", text)
	}
	return loc, nil
}
