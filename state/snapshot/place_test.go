package snapshot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// places is each kind of Place.
func places(t *testing.T) map[string]Place {
	_, b := newObjectStore(t)
	return map[string]Place{"folder": folder(t.TempDir()), "bucket": b}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func read(t *testing.T, p Place, name string) []byte {
	t.Helper()
	r, err := p.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func names(t *testing.T, p Place, folder string) (names []string) {
	t.Helper()
	all, err := p.List(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		names = append(names, o.Name)
		if since := time.Since(o.Put); since < -time.Minute || since > time.Minute {
			t.Errorf("%s was put %v ago", o.Name, since)
		}
	}
	slices.Sort(names)
	return names
}

// TestPlace is what every Place must do, with bytes of every number of parts.
func TestPlace(t *testing.T) {
	t.Parallel()
	for kind, p := range places(t) {
		t.Run(kind, func(t *testing.T) {
			if got := names(t, p, "a"); len(got) != 0 {
				t.Errorf("of nothing: %v", got)
			}
			want := map[string][]byte{}
			for name, n := range map[string]int{"a/b/0": 0, "a/b/1": 1, "a/b/2": 4999, "a/b/3": 5000, "a/b/4": 5001, "a/b/5": 10_000, "a/c/6": 123_456, "ab/7": 7} {
				want[name] = randomBytes(n)
				if err := p.Put(t.Context(), name, bytes.NewReader(want[name])); err != nil {
					t.Fatal(err)
				}
			}
			for name, b := range want {
				if !bytes.Equal(read(t, p, name), b) {
					t.Errorf("%s has other bytes than were put", name)
				}
				for _, n := range []int{1, 6000} {
					if err := p.Put(t.Context(), name, bytes.NewReader(make([]byte, n))); !errors.Is(err, ErrExists) {
						t.Errorf("%d bytes over %s: %v", n, name, err)
					}
				}
				if !bytes.Equal(read(t, p, name), b) {
					t.Errorf("%s was written over", name)
				}
			}
			if got := names(t, p, "a/b"); !slices.Equal(got, []string{"a/b/0", "a/b/1", "a/b/2", "a/b/3", "a/b/4", "a/b/5"}) {
				t.Errorf("in a/b: %v", got)
			}
			if got := names(t, p, "a"); len(got) != 7 {
				t.Errorf("in a: %v", got)
			}
			for range 2 { // also of what is not there
				if err := p.Delete(t.Context(), "a/b/1"); err != nil {
					t.Fatal(err)
				}
			}
			if got := names(t, p, "a/b"); len(got) != 5 {
				t.Errorf("after a deletion: %v", got)
			}
			if _, err := p.Open(t.Context(), "a/b/1"); err == nil {
				t.Error("what was deleted can be opened")
			}
		})
	}
}

// TestPlaceBreaksOff: what a reader does not have to its end is not there at all.
func TestPlaceBreaksOff(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for kind, p := range places(t) {
		t.Run(kind, func(t *testing.T) {
			for _, n := range []int{0, 100, 5000, 12_000} {
				r := io.MultiReader(bytes.NewReader(randomBytes(n)), failing{broken})
				if err := p.Put(t.Context(), "a/b", r); !errors.Is(err, broken) {
					t.Errorf("after %d bytes: %v", n, err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := p.Put(ctx, "a/b", bytes.NewReader(randomBytes(12_000))); err == nil {
				t.Error("put by a context that has ended")
			}
			if got := names(t, p, "a"); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestPlaceOfOne: of many who put the same name one wins.
func TestPlaceOfOne(t *testing.T) {
	t.Parallel()
	for kind, p := range places(t) {
		for _, n := range []int{100, 12_000} {
			t.Run(kind, func(t *testing.T) {
				name := "a/" + string(rune('a'+n%26))
				var wg sync.WaitGroup
				results := make([]error, 8)
				for i := range results {
					wg.Go(func() { results[i] = p.Put(t.Context(), name, bytes.NewReader(bytes.Repeat([]byte{byte(i)}, n))) })
				}
				wg.Wait()
				winner := slices.Index(results, nil)
				for i, err := range results {
					if (err == nil) != (i == winner) || err != nil && !errors.Is(err, ErrExists) {
						t.Errorf("%d: %v", i, err)
					}
				}
				if b := read(t, p, name); len(b) != n || winner < 0 || b[0] != byte(winner) || b[n-1] != byte(winner) {
					t.Errorf("it is not the winner's")
				}
			})
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gone := folder(filepath.Join(dir, "none"))
	for _, err := range []error{gone.Put(t.Context(), "a/b", strings.NewReader("x")), second(gone.List(t.Context(), "a"))} {
		if err == nil || !strings.Contains(err.Error(), "there is no folder") {
			t.Errorf("of a folder that is not there: %v", err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := second(folder(file).List(t.Context(), "a")); err == nil || !strings.Contains(err.Error(), "is not a folder") {
		t.Errorf("of a file: %v", err)
	}

	f := folder(dir)
	left, fresh := filepath.Join(dir, "a", unfinished+"left"), filepath.Join(dir, "a", unfinished+"fresh")
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{left, fresh} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(left, time.Time{}, time.Now().Add(-2*abandoned)); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), "a/b", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, f, "a"); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("unfinished ones are listed: %v", got)
	}
	files, _ := os.ReadDir(filepath.Join(dir, "a"))
	if len(files) != 2 || files[0].Name() != unfinished+"fresh" {
		t.Errorf("left are %v", files)
	}
}

func second[T any](_ T, err error) error { return err }

// TestBucketAsks: the store itself is asked not to write over, in one go as in parts, and what is broken off is given up.
func TestBucketAsks(t *testing.T) {
	t.Parallel()
	s, b := newObjectStore(t)
	conditions := map[string]bool{}
	s.hook = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && !r.URL.Query().Has("uploadId") || r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			s.mu.Lock()
			conditions[r.Method] = r.Header.Get("If-None-Match") == "*"
			s.mu.Unlock()
		}
		return false
	}
	for name, n := range map[string]int{"a/small": 10, "a/large": 20_000} {
		if err := b.Put(t.Context(), name, bytes.NewReader(randomBytes(n))); err != nil {
			t.Fatal(err)
		}
	}
	if !conditions[http.MethodPut] || !conditions[http.MethodPost] {
		t.Errorf("asked with If-None-Match: %v", conditions)
	}
	if err := b.Put(t.Context(), "a/large", bytes.NewReader(randomBytes(20_000))); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	if len(s.uploads) != 0 {
		t.Errorf("%d uploads were not given up", len(s.uploads))
	}
}

// TestBucketSays: what is wrong is said, with the place.
func TestBucketSays(t *testing.T) {
	t.Parallel()
	s, b := newObjectStore(t)
	b.name = "another"
	err := second(b.List(t.Context(), "a"))
	if err == nil || !strings.Contains(err.Error(), "a/prefix/a in bucket another at http://127.0.0.1") || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Error(err)
	}
	b.name = s.bucket
	s.hook = func(w http.ResponseWriter, _ *http.Request) bool {
		refuse(w, http.StatusForbidden, "AccessDenied")
		return true
	}
	for _, err := range []error{b.Put(t.Context(), "a", strings.NewReader("x")), b.Put(t.Context(), "a", bytes.NewReader(randomBytes(9999))),
		second(b.Open(t.Context(), "a")), b.Delete(t.Context(), "a")} {
		if err == nil || !strings.Contains(err.Error(), "a/prefix/a in bucket snapshots") || !strings.Contains(err.Error(), "AccessDenied") ||
			strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}
}

// TestBucketGivesUp: a store that stops in the middle is not waited for.
func TestBucketGivesUp(t *testing.T) {
	t.Parallel()
	s, b := newObjectStore(t)
	if err := b.Put(t.Context(), "a/b", bytes.NewReader(randomBytes(4000))); err != nil {
		t.Fatal(err)
	}
	b.forBytes = 50 * time.Millisecond
	s.hook = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", "4000")
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	r, err := b.Open(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if n != 1000 || err == nil || !strings.Contains(err.Error(), "sent nothing for") {
		t.Errorf("%d bytes, %v", n, err)
	}
}
