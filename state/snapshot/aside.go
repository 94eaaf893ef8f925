package snapshot

import (
	"context"
	"errors"
	"fmt"
)

// asideSuffix ends the name of what is no snapshot any more for Newest, List and All, and is kept.
const asideSuffix = ".aside"

// SetAside gives a snapshot a name under which nobody goes on from it, and returns that. A person may give it its name
// back, or delete it: nobody else does.
func (a *Archive) SetAside(ctx context.Context, m Meta) (name string, err error) {
	name = m.Name + asideSuffix
	r, err := a.config.Place.Open(ctx, m.Name)
	if err != nil {
		return "", fmt.Errorf("set the snapshot %s aside: %w", m.Name, err)
	}
	defer r.Close()
	err = a.config.Place.Put(ctx, name, r)
	if err == nil || errors.Is(err, ErrExists) { // by a try that was cut off: what has the same name holds the same
		err = a.config.Place.Delete(ctx, m.Name)
	}
	if err != nil {
		return "", fmt.Errorf("set the snapshot %s aside: %w", m.Name, err)
	}
	return name, nil
}
