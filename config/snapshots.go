package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Snapshots is where shards are exported to, and when.
type Snapshots struct {
	Place    string        // a folder, or s3://bucket/prefix; "" for none
	Every    time.Duration // between two of a shard; 0: only when it is released
	Keep     int           // of a shard, the newest ones
	KeepDays int           // beside them the last one of each of so many days (UTC)
	S3       S3            // of a place in an object store
}

// S3 is an object store.
type S3 struct {
	Endpoint   string // host[:port], with http:// before it if it is not to be https
	Region     string
	AccessKey  string // "": the keys are those of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
	SecretFile string // file with the secret key, "" without
	Secret     Secret // from TOUCHFOLD_SNAPSHOTS_S3_SECRET, else from SecretFile (by Load only)
}

// snapshotKeys is the part of the table of keys that is about snapshots.
func (c *Config) snapshotKeys() []key {
	s := &c.Snapshots
	return []key{
		{path: "snapshots.place", value: one(&s.Place, snapshotPlace),
			doc: "folder, which must be there, or s3://bucket/prefix that shards are exported to; none: nowhere"},
		{path: "snapshots.every", initial: "10m", value: one(&s.Every, snapshotEvery).like(timeForm),
			doc: "time between two snapshots of a shard, 10s to 24h; 0s: only when it is released"},
		{path: "snapshots.keep", initial: "3", value: whole(&s.Keep, 1, 1000),
			doc: "how many of the newest snapshots of a shard are kept, 1 to 1000"},
		{path: "snapshots.keep_days", initial: "7", value: whole(&s.KeepDays, 0, 3650),
			doc: "for how many days the last snapshot of each day (UTC) is kept too, 0 to 3650"},
		{path: "snapshots.s3.endpoint", initial: "s3.amazonaws.com", value: one(&s.S3.Endpoint, endpoint),
			doc: "host or host:port of the object store, reached by https unless it begins with http://"},
		{path: "snapshots.s3.region", value: one(&s.S3.Region, anyWord),
			doc: "region of the bucket; none: the store is asked"},
		{path: "snapshots.s3.access_key", value: one(&s.S3.AccessKey, anyWord),
			doc: "access key of the object store; none: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{path: "snapshots.s3.secret_file", value: one(&s.S3.SecretFile, anyText),
			doc: "file with the secret key that belongs to the access key"},
		{path: "snapshots.s3.secret", secret: true, value: one(&s.S3.Secret, secretKey),
			doc: "the same secret key itself"},
	}
}

// ParsePlace takes a place in an object store apart. It is false for a folder and for nothing.
func ParsePlace(place string) (bucket, prefix string, object bool) {
	rest, object := strings.CutPrefix(place, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	return bucket, strings.Trim(prefix, "/"), object
}

func snapshotPlace(text string) (string, error) {
	bucket, prefix, object := ParsePlace(text)
	switch {
	case !object && strings.Contains(text, "://"):
		return "", fmt.Errorf("%q is neither a folder nor s3://bucket/prefix", text)
	case object && (len(bucket) < 3 || strings.ContainsFunc(bucket, notBucket)):
		return "", fmt.Errorf("%q is not a bucket's name; write s3://bucket/prefix", bucket)
	case object && (strings.Contains("/"+prefix+"/", "//") && prefix != "" || strings.Contains("/"+prefix+"/", "/../") ||
		strings.Contains("/"+prefix+"/", "/./")):
		return "", fmt.Errorf("%q is not a prefix of objects' names", prefix)
	}
	return anyText(text)
}

func notBucket(r rune) bool {
	return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '-')
}

func snapshotEvery(text string) (time.Duration, error) {
	d, err := duration(text)
	if err == nil && d != 0 && (d < 10*time.Second || d > 24*time.Hour) {
		err = fmt.Errorf("%s is out of range; write 10s to 24h, or 0s for only when a shard is released", text)
	}
	return d, err
}

func endpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || !strings.Contains(text, "://") {
		u, err = url.Parse("https://" + text)
	}
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", fmt.Errorf("%q is not the address of an object store; write its host, or host:port", text)
	}
	return text, nil
}

// anyWord is nothing, or what has no blanks.
func anyWord(text string) (string, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("has a letter that cannot be in it")
	}
	return text, nil
}

const maxSecretKey = 4096

func secretKey(text string) (Secret, error) {
	switch {
	case text == "":
		return nil, nil
	case len(text) > maxSecretKey:
		return nil, fmt.Errorf("has %d bytes; at most %d are possible", len(text), maxSecretKey)
	}
	return Secret(text), nil
}
