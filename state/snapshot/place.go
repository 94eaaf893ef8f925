package snapshot

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/touchfold/touchfold/config"
)

// A Place keeps named bytes. Names have parts between slashes. Its methods may be called by several goroutines, and end
// soon after ctx does, or when nothing moves for a minute or two; a folder's, when the system's calls return.
type Place interface {
	// Put keeps what r has until its end under a name that nothing has yet: else it is ErrExists. It is there whole or
	// not at all, and durable when Put returns.
	Put(ctx context.Context, name string, r io.Reader) error
	// List is all whose names begin with a folder, in no order.
	List(ctx context.Context, folder string) ([]Object, error)
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Delete of what is not there is no error.
	Delete(ctx context.Context, name string) error
}

// Object is what a Place knows of what it keeps.
type Object struct {
	Name  string
	Bytes int64
	Put   time.Time
}

// ErrExists says that something has that name already.
var ErrExists = errors.New("there is one of that name already")

// NewPlace is the place that is configured, which must not be "". It asks nobody yet.
func NewPlace(c config.Snapshots) (Place, error) {
	if bucket, prefix, ok := config.ParsePlace(c.Place); ok {
		return newBucket(bucket, prefix, c.S3)
	}
	return folder(c.Place), nil
}
