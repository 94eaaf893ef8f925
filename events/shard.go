package events

// ShardOf is the partition, of shards many, on which Kafka's Java client puts the key: murmur2, its sign bit cleared,
// modulo shards (> 0).
func ShardOf(customer CustomerID, shards int) ShardID {
	return ShardID(murmur2(string(customer)) & 0x7fffffff % uint32(shards))
}

// murmur2 is Kafka's variant (org.apache.kafka.common.utils.Utils.murmur2): 32 bits, little endian, its own seed.
func murmur2(key string) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
	)
	h := seed ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
