package snapshot

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchfold/touchfold/config"
)

// objectStore is as much of S3 as a Place needs, in memory, with one bucket.
type objectStore struct {
	bucket string

	mu      sync.Mutex
	objects map[string]stored
	uploads map[string]map[int][]byte
	begun   int                                                      // uploads: no two have the same id, also when one is over
	calls   []string                                                 // method, key and what is asked about it
	hook    func(w http.ResponseWriter, r *http.Request) (done bool) // called first, nil for none
	page    int                                                      // keys in an answer to list
}

type stored struct {
	bytes []byte
	at    time.Time
}

func newObjectStore(t *testing.T) (*objectStore, *bucket) {
	t.Helper()
	s := &objectStore{bucket: "snapshots", objects: map[string]stored{}, uploads: map[string]map[int][]byte{}, page: 2}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	b, err := newBucket(s.bucket, "a/prefix", config.S3{Endpoint: server.URL, Region: "r1", AccessKey: "key", Secret: config.Secret("secret")})
	if err != nil {
		t.Fatal(err)
	}
	b.partBytes = 5000
	return s, b
}

func (s *objectStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if hook != nil && hook(w, r) {
		return
	}
	body, err := contents(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	s.calls = append(s.calls, fmt.Sprintf("%s %s %s", r.Method, key, r.URL.RawQuery))
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "IncompleteBody")
	case !strings.Contains(r.Header.Get("Authorization"), "Credential=key/"):
		refuse(w, http.StatusForbidden, "AccessDenied")
	case bucket != s.bucket:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case r.Method == http.MethodGet && key == "":
		s.list(w, q.Get("prefix"), q.Get("continuation-token"))
	case r.Method == http.MethodGet:
		s.get(w, r, key)
	case r.Method == http.MethodPost && q.Has("uploads"):
		s.begun++
		id := strconv.Itoa(s.begun)
		s.uploads[id] = map[int][]byte{}
		answer(w, struct {
			XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
			UploadId string
		}{UploadId: id})
	case r.Method == http.MethodPut && q.Has("uploadId"):
		n, _ := strconv.Atoi(q.Get("partNumber"))
		s.uploads[q.Get("uploadId")][n] = body
		w.Header().Set("ETag", tag(body))
	case r.Method == http.MethodPost && q.Has("uploadId"):
		s.complete(w, r, key, q.Get("uploadId"), body)
	case r.Method == http.MethodPut:
		s.put(w, r, key, body)
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		delete(s.uploads, q.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func (s *objectStore) put(w http.ResponseWriter, r *http.Request, key string, body []byte) bool {
	if _, there := s.objects[key]; there && r.Header.Get("If-None-Match") == "*" {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return false
	}
	s.objects[key] = stored{body, time.Now().UTC()}
	w.Header().Set("ETag", tag(body))
	return true
}

func (s *objectStore) complete(w http.ResponseWriter, r *http.Request, key, id string, body []byte) {
	var asked struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(body, &asked); err != nil || len(asked.Part) != len(s.uploads[id]) {
		refuse(w, http.StatusBadRequest, "InvalidPart")
		return
	}
	var whole []byte
	for i, p := range asked.Part {
		part := s.uploads[id][i+1]
		if p.PartNumber != i+1 || strings.Trim(p.ETag, `"`) != strings.Trim(tag(part), `"`) {
			refuse(w, http.StatusBadRequest, "InvalidPart")
			return
		}
		whole = append(whole, part...)
	}
	if s.put(w, r, key, whole) {
		delete(s.uploads, id)
		answer(w, struct {
			XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
			Bucket  string
			Key     string
			ETag    string
		}{Bucket: s.bucket, Key: key, ETag: tag(whole)})
	}
}

func (s *objectStore) get(w http.ResponseWriter, r *http.Request, key string) {
	o, ok := s.objects[key]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	w.Header().Set("ETag", tag(o.bytes))
	http.ServeContent(w, r, "", o.at, bytes.NewReader(o.bytes))
}

func (s *objectStore) list(w http.ResponseWriter, prefix, after string) {
	type content struct {
		Key          string
		Size         int
		LastModified time.Time
	}
	result := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name                  string
		IsTruncated           bool
		NextContinuationToken string
		Contents              []content
	}{Name: s.bucket}
	var keys []string
	for k := range s.objects {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if len(keys) > s.page {
		keys = keys[:s.page]
		result.IsTruncated, result.NextContinuationToken = true, keys[s.page-1]
	}
	for _, k := range keys {
		result.Contents = append(result.Contents, content{k, len(s.objects[k].bytes), s.objects[k].at})
	}
	answer(w, result)
}

// contents is a request's body, which comes in signed chunks if there is no TLS.
func contents(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	var b []byte
	for in := bufio.NewReader(r.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n == 0 {
			return b, err
		}
		chunk := make([]byte, n+2) // and the line's end
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		b = append(b, chunk[:n]...)
	}
}

func tag(b []byte) string { return fmt.Sprintf(`"%x"`, md5.Sum(b)) }

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/xml")
	xml.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s, said on purpose</Message></Error>", code, code)
}
