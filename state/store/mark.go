package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/touchfold/touchfold/events"
)

// markName is a file beside Badger's.
const markName = "touchfold.mark"

// mark is what is known of a store beside its rows. It is written after each checkpoint and never synced: as long as the
// machine runs it tells what must be there, after the machine stopped it tells that.
type mark struct {
	Boot  string `json:"boot"`  // the boot in which it was written, "" if the system does not say
	Clean bool   `json:"clean"` // the store was closed
	Saved uint64 `json:"saved"` // number of the last checkpoint that was committed
	Input int64  `json:"input"` // and its position in the input
	// List is the length of MANIFEST, which Badger syncs and only appends to, but for once in 10,000 deletions.
	List int64 `json:"list"`
}

// markFile is the mark of an open store.
type markFile struct {
	*os.File
	mark
	list string // MANIFEST
}

// markBytes is the length of the file, always the same: writing it again needs no room on the disk.
const markBytes = 192

// readMark is the mark in a folder. One that makes no sense, for which a power cut is enough, says nothing.
func readMark(dir string) (m mark, exists bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, false, nil
	}
	if err == nil && json.Unmarshal(b, &m) != nil {
		m = mark{}
	}
	return m, true, err
}

// openMark begins the mark of a store that was opened.
func openMark(dir string, now mark) (*markFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, markName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	m := &markFile{f, now, filepath.Join(dir, badger.ManifestFilename)}
	if err := m.write(); err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

func (m *markFile) write() error {
	info, err := os.Stat(m.list)
	if err != nil {
		return err
	}
	m.List = info.Size()
	b, err := json.Marshal(m.mark)
	if err != nil {
		return err
	}
	b = append(b, bytes.Repeat([]byte(" "), markBytes-1-len(b))...)
	_, err = m.WriteAt(append(b, '\n'), 0)
	return err
}

// saved notes that a checkpoint is committed.
func (m *markFile) saved(positions []byte) error {
	p, _, err := parsePositions(positions)
	if err != nil {
		return err
	}
	m.Saved, m.Input = checkpointNumber(positions), int64(p.Input)
	return m.write()
}

// Saved is how far in the input the store in a folder was at its last checkpoint, whoever has it open; ok is false if there
// is none, or it does not say.
func Saved(dir string) (input events.Offset, ok bool) {
	m, exists, err := readMark(dir)
	return events.Offset(m.Input), err == nil && exists && m.Saved > 0
}

// close notes that the store was closed, and how.
func (m *markFile) close(clean bool) error {
	m.Clean = clean
	return errors.Join(m.write(), m.File.Close())
}

// bootID names this run of the system's kernel, "" if it does not say.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if id := strings.TrimSpace(string(b)); err == nil && len(id) <= 36 {
		return id
	}
	return ""
}
