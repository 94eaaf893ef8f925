package store

import "os"

// Replace puts a new store where one may be, which is set aside; aside is where to. fill makes it in the folder that it is
// given and closes it. Nobody may use the store; whatever goes wrong leaves it where it was.
func Replace(dir string, fill func(building string) error) (aside string, err error) {
	c := RestoreConfig{Dir: dir, Replace: true, Keep: true}
	there, held, err := c.claim()
	if err != nil {
		return "", err
	}
	if held != nil {
		defer held.Close()
	}
	building, filling, err := c.building()
	if err != nil {
		return "", err
	}
	filling.Close() // Open locks it
	if err = fill(building); err == nil {
		aside, err = c.swap(building, there)
	}
	if err != nil {
		os.RemoveAll(building)
		return "", err
	}
	return aside, nil
}
