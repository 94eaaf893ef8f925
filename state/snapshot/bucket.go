package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/touchfold/touchfold/config"
)

const (
	partBytes = 16 << 20        // sent at once, from memory
	maxParts  = 10_000          // of an object
	forPart   = 2 * time.Minute // to send one: slower than 140 KB/s is broken
	forAnswer = 15 * time.Second
	tries     = 5           // of a request, in 3 s or so
	forBytes  = time.Minute // until more of what is read must have come
)

// bucket is a Place in an object store that speaks S3.
type bucket struct {
	core      minio.Core
	name      string
	prefix    string // "" or ends with a slash
	partBytes int
	forBytes  time.Duration
}

func newBucket(name, prefix string, c config.S3) (*bucket, error) {
	keys := credentials.NewEnvAWS()
	if c.AccessKey != "" {
		if len(c.Secret) == 0 {
			return nil, errors.New("snapshots.s3.access_key has no secret key: give it by TOUCHFOLD_SNAPSHOTS_S3_SECRET or snapshots.s3.secret_file")
		}
		keys = credentials.NewStaticV4(c.AccessKey, string(c.Secret), "")
	}
	host, insecure := strings.CutPrefix(c.Endpoint, "http://")
	host = strings.TrimRight(strings.TrimPrefix(host, "https://"), "/")
	core, err := minio.NewCore(host, &minio.Options{Creds: keys, Secure: !insecure, Region: c.Region, MaxRetries: tries})
	if err != nil {
		return nil, fmt.Errorf("snapshots.s3.endpoint: %w", err)
	}
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{*core, name, prefix, partBytes, forBytes}, nil
}

// Put sends what fits into one part at once, else in parts. Either way the store is asked, by If-None-Match, to take it
// only if the name is free; minio-go's own upload in parts leaves that out (completeUploadOpts in v7.4.1).
func (p *bucket) Put(ctx context.Context, name string, r io.Reader) error {
	part := make([]byte, p.partBytes)
	n, err := io.ReadFull(r, part)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = p.whole(ctx, p.prefix+name, part[:n])
	case err == nil:
		err = p.parts(ctx, p.prefix+name, part, r)
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.StatusCode == http.StatusPreconditionFailed {
		return ErrExists
	}
	return p.explain("put", name, err)
}

// onlyNew is the condition.
func onlyNew() (o minio.PutObjectOptions) {
	o.SetMatchETagExcept("*")
	return o
}

func (p *bucket) whole(ctx context.Context, key string, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, forPart)
	defer cancel()
	o := onlyNew()
	o.DisableMultipart = true
	_, err := p.core.Client.PutObject(ctx, p.name, key, bytes.NewReader(b), int64(len(b)), o)
	return err
}

// parts sends part and what r has, in parts.
func (p *bucket) parts(ctx context.Context, key string, part []byte, r io.Reader) error {
	id, err := p.core.NewMultipartUpload(ctx, p.name, key, minio.PutObjectOptions{})
	if err != nil {
		return err
	}
	sent, err := p.sendParts(ctx, key, id, part, r)
	if err == nil {
		done, cancel := context.WithTimeout(ctx, forPart) // the store puts them together
		defer cancel()
		_, err = p.core.CompleteMultipartUpload(done, p.name, key, id, sent, onlyNew())
	}
	if err != nil { // what was sent costs money until it is given up
		abort, cancel := context.WithTimeout(context.WithoutCancel(ctx), forAnswer)
		defer cancel()
		err = errors.Join(err, p.core.AbortMultipartUpload(abort, p.name, key, id))
	}
	return err
}

func (p *bucket) sendParts(ctx context.Context, key, id string, part []byte, r io.Reader) (sent []minio.CompletePart, err error) {
	for n := len(part); n > 0; {
		if len(sent) == maxParts {
			return nil, fmt.Errorf("it is longer than the %d GiB that %d parts can have", maxParts*p.partBytes>>30, maxParts)
		}
		done, err := p.sendPart(ctx, key, id, len(sent)+1, part[:n])
		if err != nil {
			return nil, err
		}
		sent = append(sent, minio.CompletePart{PartNumber: done.PartNumber, ETag: done.ETag})
		if n, err = io.ReadFull(r, part); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
	}
	return sent, nil
}

func (p *bucket) sendPart(ctx context.Context, key, id string, n int, b []byte) (minio.ObjectPart, error) {
	ctx, cancel := context.WithTimeout(ctx, forPart)
	defer cancel()
	return p.core.PutObjectPart(ctx, p.name, key, id, n, bytes.NewReader(b), int64(len(b)), minio.PutObjectPartOptions{})
}

func (p *bucket) List(ctx context.Context, folder string) (all []Object, err error) {
	ctx, cancel := context.WithTimeout(ctx, forAnswer)
	defer cancel()
	for o := range p.core.Client.ListObjects(ctx, p.name, minio.ListObjectsOptions{Prefix: p.prefix + folder + "/", Recursive: true}) {
		if o.Err != nil {
			return nil, p.explain("list", path.Clean(folder), o.Err)
		}
		all = append(all, Object{strings.TrimPrefix(o.Key, p.prefix), o.Size, o.LastModified.UTC()})
	}
	return all, ctx.Err()
}

func (p *bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watched{ctx: ctx, cancel: cancel, patience: p.forBytes}
	w.timer = time.AfterFunc(forAnswer, w.giveUp)
	body, _, _, err := p.core.GetObject(ctx, p.name, p.prefix+name, minio.GetObjectOptions{})
	w.timer.Stop()
	if err != nil {
		cancel(nil)
		return nil, p.explain("read", name, err)
	}
	w.body = body
	return w, nil
}

func (p *bucket) Delete(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, forAnswer)
	defer cancel()
	return p.explain("delete", name, p.core.RemoveObject(ctx, p.name, p.prefix+name, minio.RemoveObjectOptions{}))
}

func (p *bucket) explain(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s%s in bucket %s at %s: %w", verb, p.prefix, name, p.name, p.core.EndpointURL(), err)
}

// watched is a body that must keep coming.
type watched struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer // runs while something is waited for
	patience time.Duration
	body     io.ReadCloser
}

func (w *watched) giveUp() {
	w.cancel(fmt.Errorf("the object store sent nothing for %v", w.patience))
}

func (w *watched) Read(b []byte) (int, error) {
	w.timer.Reset(w.patience)
	n, err := w.body.Read(b)
	w.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && context.Cause(w.ctx) != nil {
		err = context.Cause(w.ctx)
	}
	return n, err
}

func (w *watched) Close() error {
	w.cancel(nil)
	return w.body.Close()
}
