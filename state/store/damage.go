package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/touchfold/touchfold/state"
)

// ErrDamaged is, by errors.Is, every error of a store whose files do not hold what was written: the caller sets its
// folder aside (SetDamagedAside) and takes the shard over as with a lost disk. A store of another shard, app or format,
// one that a newer program wrote, and a disk that is full or forbidden are no damage.
var ErrDamaged = errors.New("the store is damaged")

// ErrNewer is, by errors.Is, every error of a store with something in it that only a newer program can know.
var ErrNewer = state.ErrNewer

// damage is an error of a store that cannot be read. What is done about it is said by whoever does it.
type damage struct{ error }

func (d damage) Unwrap() error { return d.error }

func (d damage) Is(target error) bool { return target == ErrDamaged }

// damaged says that err, if it is one, comes from the store's files, unless the system or a newer program is to blame.
func damaged(err error) error {
	if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) {
		return err
	}
	if errno := cause(err); errno != 0 && errno != syscall.EIO {
		return advised(err)
	}
	return damage{err}
}

// guard turns a panic of Badger's in this goroutine into damage. It is deferred where its files are read, with faults, so
// that a page that the disk cannot give is a panic and not the end of the process.
func guard(err *error) {
	if recover() != nil {
		*err = errUnreadable
	}
}

var errUnreadable = damage{errors.New("its files cannot be read")}

// faults makes a fault of memory in this goroutine a panic until the function that it returns is called.
func faults() (back func()) {
	was := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(was) }
}

// causes are the errors of the system that are told apart, and what can be done about them.
var causes = map[syscall.Errno]string{
	syscall.ENOSPC: "the disk is full: make room; nothing is lost, the shard goes on from its last checkpoint",
	syscall.EDQUOT: "the quota of disk space is used up: make room; nothing is lost, the shard goes on from its last checkpoint",
	syscall.EIO:    "the disk cannot be read or written: look at the system's log and replace it; the store is a cache of the topics and is made anew on another disk",
	syscall.EROFS:  "the file system can only be read: the system does that when a disk fails, so look at its log",
	syscall.EACCES: "give the user of this process the right to read and write it",
	syscall.EPERM:  "give the user of this process the right to read and write it",
	syscall.EMFILE: "raise the limit of open files (ulimit -n) to 4096 or more",
	syscall.ENFILE: "the system has too many files open",
	syscall.ENOMEM: "the system has no memory left",
}

// noFolder: nothing can be there.
func noFolder(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// cause is the system's error in err, 0 if there is none that is told apart. Badger keeps only its text.
func cause(err error) syscall.Errno {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if _, known := causes[errno]; known {
			return errno
		}
	}
	text := err.Error()
	for errno := range causes {
		if strings.HasSuffix(text, errno.Error()) || strings.Contains(text, errno.Error()+"\n") {
			return errno
		}
	}
	return 0
}

// advice is an error of the system with what can be done, once.
type advice struct {
	error
	errno syscall.Errno
}

func (a advice) Error() string { return a.error.Error() + "; " + causes[a.errno] }

func (a advice) Unwrap() []error { return []error{a.error, a.errno} }

func advised(err error) error {
	var a advice
	if err == nil || errors.As(err, &a) {
		return err
	}
	if errno := cause(err); errno != 0 {
		return advice{err, errno}
	}
	return err
}

// SetDamagedAside renames the folder of a damaged store to <dir>.damaged-<time> and returns that. Of those set aside
// before it keeps the newest and removes the others, so that a disk that fails again and again does not fill. Where nothing
// is, moved is "". Nobody may use the store.
func SetDamagedAside(dir string) (moved string, err error) {
	dir = filepath.Clean(dir)
	held, err := lock(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("set the store in %s aside: %w", dir, err)
	}
	defer held.Close()
	prefix := dir + ".damaged-"
	moved = prefix + time.Now().UTC().Format("20060102T150405.000000000")
	if err := os.Rename(dir, moved); err != nil {
		return "", fmt.Errorf("set the store in %s aside: %w", dir, advised(err))
	}
	older, err := filepath.Glob(escape(prefix) + "*")
	older = slices.DeleteFunc(older, func(name string) bool { return name == moved })
	slices.Sort(older)
	for i := range max(0, len(older)-1) {
		err = errors.Join(err, os.RemoveAll(older[i]))
	}
	if err = errors.Join(err, syncDir(filepath.Dir(dir))); err != nil {
		return moved, fmt.Errorf("tidy up after setting the store in %s aside: %w", dir, advised(err))
	}
	return moved, nil
}

// escape is name as a pattern that matches only it.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}
