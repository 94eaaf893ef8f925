package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run writes the version, the commit and the Go that this binary was built from.
func (versionCommand) Run(out output) error {
	info := builtFrom()
	commit := "unknown"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += ", modified"
		}
	}
	_, err := fmt.Fprintf(out.out, "touchfold %s\ncommit %s\n%s %s/%s\n",
		info.Main.Version, commit, info.GoVersion, runtime.GOOS, runtime.GOARCH)
	return err
}

// builtFrom is what this binary was built from, as far as it knows.
func builtFrom() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return &debug.BuildInfo{Main: debug.Module{Version: "unknown"}, GoVersion: runtime.Version()}
}
