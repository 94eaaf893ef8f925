package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/kafka"
)

// parkedCommand is `touchfold parked`.
type parkedCommand struct {
	List parkedListCommand `cmd:"" help:"List the touchpoints that could not be read: where, when and why, never what."`
	Show parkedShowCommand `cmd:"" help:"Show some of them as they came."`
}

// parkedOptions are those of both.
type parkedOptions struct {
	options
	Brokers *string `placeholder:"HOST:PORT,..." help:"Kafka's brokers (kafka.brokers). None: the embedded broker of a run on this machine."`
}

// connect is a client of the configured Kafka, the name of the parked topic and what can be read of its partitions.
func (p *parkedOptions) connect(ctx context.Context, out output) (*kafka.Client, string, []kafka.Range, error) {
	var more []string
	if p.Brokers != nil {
		more = append(more, "--brokers kafka.brokers="+*p.Brokers)
	}
	c, err := p.load(more...)
	if err != nil {
		return nil, "", nil, err
	}
	brokers := c.Kafka.Brokers
	if len(brokers) == 0 {
		brokers = []string{tryOutAddress}
	}
	client, err := kafka.New(kafka.Config{Brokers: brokers, Log: newLog(out.err).Level(zerolog.WarnLevel)})
	if err != nil {
		return nil, "", nil, err
	}
	topic := c.Topics.Parked
	ranges := []kafka.Range(nil)
	if err = client.Ping(ctx); err == nil {
		ranges, err = client.Ranges(ctx, topic)
	}
	if errors.Is(err, kafka.ErrNoTopic) {
		err = fmt.Errorf("there is no topic %s yet: no touchfold with this configuration has run", topic)
	}
	if err != nil {
		client.Close()
		return nil, "", nil, err
	}
	return client, topic, ranges, nil
}

type parkedListCommand struct{ parkedOptions }

// Run lists what is parked, oldest first in each partition.
func (p *parkedListCommand) Run(ctx context.Context, out output) error {
	client, topic, ranges, err := p.connect(ctx, out)
	if err != nil {
		return err
	}
	defer client.Close()
	n := 0
	for i, x := range ranges {
		err := client.ReadRange(ctx, topic, events.ShardID(i), x.First, x.End, func(r *events.Record) error {
			if n++; n == 1 {
				fmt.Fprintf(out.out, "%-10s %-24s %10s  %-32s %s\n", "PARKED", "TIME", "BYTES", "ORIGIN", "REASON")
			}
			o := originOf(r)
			_, err := fmt.Fprintf(out.out, "%-10s %-24s %10d  %-32s %s\n", fmt.Sprintf("%d:%d", r.Partition, r.Offset), r.Append,
				len(r.Value), o.from, o.why)
			return err
		})
		if err != nil {
			return err
		}
	}
	if n == 0 {
		_, err = fmt.Fprintf(out.out, "nothing is parked in %s\n", topic)
	}
	return err
}

// origin is where a parked record comes from and why it was parked, as its headers say. They are strangers' words where
// something else writes to the topic.
type origin struct{ from, why string }

func originOf(r *events.Record) origin {
	h := map[string]string{}
	for _, x := range r.Headers { // of equal names ours is the last
		h[x.Key] = printable(x.Value)
	}
	if h[processor.HeaderParkedReason] == "" {
		return origin{"?", "it was not parked by touchfold"}
	}
	o := origin{from: h[processor.HeaderParkedTopic] + "/" + h[processor.HeaderParkedPartition] + "/" + h[processor.HeaderParkedOffset],
		why: h[processor.HeaderParkedReason]}
	if d := h[processor.HeaderParkedDetail]; d != "" {
		o.why += ": " + d
	}
	return o
}

type parkedShowCommand struct {
	parkedOptions
	Places []string `arg:"" name:"partition:offset" help:"Which: the first column of the list."`
}

// Validate checks the places.
func (p *parkedShowCommand) Validate() error {
	for _, text := range p.Places {
		if _, _, err := parsePlace(text); err != nil {
			return err
		}
	}
	return nil
}

func parsePlace(text string) (events.ShardID, events.Offset, error) {
	partition, offset, _ := strings.Cut(text, ":")
	p, err := strconv.ParseUint(partition, 10, 31)
	o, err2 := strconv.ParseUint(offset, 10, 63)
	if err != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q is not PARTITION:OFFSET, such as 0:17", text)
	}
	return events.ShardID(p), events.Offset(o), nil
}

// Run shows the records that are named.
func (p *parkedShowCommand) Run(ctx context.Context, out output) error {
	client, topic, ranges, err := p.connect(ctx, out)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, text := range p.Places {
		partition, offset, _ := parsePlace(text) // Validate has checked it
		if int(partition) >= len(ranges) || offset < ranges[partition].First || offset >= ranges[partition].End {
			return fmt.Errorf("%s holds nothing at %s; see touchfold parked list", topic, text)
		}
		err := client.ReadRange(ctx, topic, partition, offset, offset+1, func(r *events.Record) error {
			return writeParked(out.out, r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeParked writes where it comes from, its key and headers a line each, and after an empty line the value: as it is,
// but on a terminal quoted if it could do something there.
func writeParked(w io.Writer, r *events.Record) error {
	o := originOf(r)
	fmt.Fprintf(w, "parked: %d:%d at %s\norigin: %s\nreason: %s\nkey: %s\n", r.Partition, r.Offset, r.Append, o.from, o.why, printable(r.Key))
	ours := []string{processor.HeaderParkedReason, processor.HeaderParkedDetail, processor.HeaderParkedTopic,
		processor.HeaderParkedPartition, processor.HeaderParkedOffset}
	for _, h := range r.Headers {
		if !slices.Contains(ours, h.Key) {
			fmt.Fprintf(w, "header %s: %s\n", printable([]byte(h.Key)), printable(h.Value))
		}
	}
	value := string(r.Value)
	if isTerminal(w) {
		value = printable(r.Value)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", value)
	return err
}

// printable is b as it is, or quoted if it is not text of one line.
func printable(b []byte) string {
	if !utf8.Valid(b) || strings.ContainsFunc(string(b), func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(string(b))
	}
	return string(b)
}
