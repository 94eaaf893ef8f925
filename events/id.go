package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// IDKey is the secret of the ids for an app that was given none. Who knows the app's name can then compute the id of a
// statement from the customer's; with a secret of its own nobody can.
func IDKey(app string) []byte {
	mac := hmac.New(sha256.New, []byte("touchfold statement ids"))
	mac.Write([]byte(app))
	return mac.Sum(nil)
}

// StatementID is the ce_id of the n-th statement on a customer's fact: the first 16 bytes, in hex, of HMAC-SHA256 over
// the customer and the fact, each with its length before it (4 bytes, big endian), and n (4 bytes, big endian).
func StatementID(key []byte, customer CustomerID, fact string, n uint32) string {
	return string(appendStatementID(nil, hmac.New(sha256.New, key), customer, fact, n))
}

func appendStatementID(b []byte, mac hash.Hash, customer CustomerID, fact string, n uint32) []byte {
	mac.Reset()
	text := appendPart(appendPart(b, string(customer)), fact) // where the id will stand
	mac.Write(binary.BigEndian.AppendUint32(text, n)[len(b):])
	return appendID(b, mac)
}

// appendMarkID appends the id of a mark. It begins as that of no customer, so it is no statement's.
func appendMarkID(b []byte, mac hash.Hash, m *Mark) []byte {
	mac.Reset()
	text := appendPart(appendPart(appendPart(nil, ""), string(m.Kind)), m.Instance)
	for _, n := range [...]int64{int64(m.Shard), m.ProducerID, int64(m.Epoch), int64(m.At)} {
		text = binary.BigEndian.AppendUint64(text, uint64(n))
	}
	mac.Write(text)
	return appendID(b, mac)
}

func appendPart(b []byte, part string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}

// appendID appends what mac comes to. The whole sum stands behind it for a while, where nothing is yet.
func appendID(b []byte, mac hash.Hash) []byte {
	b = append(b, make([]byte, 2*16)...)
	sum := mac.Sum(b)[len(b):]
	hex.Encode(b[len(b)-2*16:], sum[:16])
	return b
}
