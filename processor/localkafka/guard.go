package localkafka

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// guard lets only what looks like Kafka requests through to kfake, which panics over an unknown request and takes any
// announced size for true. A browser or a port scanner must not end the process.
type guard struct{ net.Listener }

// Accept is net.Listener.
func (g guard) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guarded{Conn: c}, nil
}

// guarded is a connection of which each request's head (size, kind) is looked at before it is passed on.
type guarded struct {
	net.Conn
	buf  [6]byte
	head []byte // of buf, not passed on yet
	left int    // bytes of the request behind its head
}

// maxRequest is more than any client sends, in bytes.
const maxRequest = 100 << 20

var errNotKafka = errors.New("no Kafka request")

// Read is net.Conn.
func (g *guarded) Read(b []byte) (int, error) {
	if len(g.head) == 0 && g.left == 0 {
		if _, err := io.ReadFull(g.Conn, g.buf[:]); err != nil {
			return 0, err
		}
		size := int32(binary.BigEndian.Uint32(g.buf[:]))
		kind := int16(binary.BigEndian.Uint16(g.buf[4:]))
		if size < 8 || size > maxRequest || kmsg.RequestForKey(kind) == nil {
			return 0, errNotKafka
		}
		g.head, g.left = g.buf[:], int(size)-2
	}
	if len(g.head) > 0 {
		n := copy(b, g.head)
		g.head = g.head[n:]
		return n, nil
	}
	n, err := g.Conn.Read(b[:min(len(b), g.left)])
	g.left -= n
	return n, err
}
