package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/rs/zerolog"
	kgo "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/leavegroup"

	"github.com/touchfold/touchfold/events"
)

// GroupConfig says which group to be a member of, and as whom.
type GroupConfig struct {
	Group   string
	Topic   string        // whose partitions are the shards
	Shards  int           // the pinned number: partitions from there on are assigned to nobody
	Session time.Duration // how long the others wait for a silent member; default 10 s
	About   func() About  // asked at each joining, by another goroutine; returns at once
	// Anew, if set: for each value the member joins again, and so the group assembles anew, for About says something else.
	Anew <-chan struct{}
}

// Generation is what the group agreed upon until a member comes, goes, or is lost. It is a hint who should own what:
// shards outlive it, and only a producer's epoch says who owns one.
type Generation struct {
	ID     int32            // rises
	Member string           // our id in it
	Shards []events.ShardID // that we should own, in order

	c            *Client
	group, topic string
}

// ErrGenerationOver: the group has moved on to another generation, or is about to.
var ErrGenerationOver = errors.New("the group's generation is over")

// Commit tells the coordinator where each partition's reading goes on, for tools that show lag. It is
// ErrGenerationOver if this is not the group's generation any more.
func (g *Generation) Commit(ctx context.Context, next map[events.ShardID]events.Offset) error {
	err := g.c.commit(ctx, g.group, g.topic, g, next)
	for _, over := range []error{kgo.IllegalGeneration, kgo.UnknownMemberId, kgo.RebalanceInProgress} {
		if errors.Is(err, over) {
			return fmt.Errorf("%w: %w", ErrGenerationOver, err)
		}
	}
	return err
}

const (
	heartbeats  = time.Second // how long a member may not know that the group assembles anew
	joinPause   = 200 * time.Millisecond
	leaveWithin = 3 * time.Second
)

// RunGroup is a member of a group until ctx ends: it joins, again and again whatever goes wrong, and calls assigned for
// each generation in order. That returns at once; what it does not know while this member is lost, it need not:
// whoever owns a shard goes on with it. At the end the member leaves, so that the others need not wait out its session,
// and RunGroup returns within leaveWithin. The error is one of cfg, or the broker's word that it will never have us.
func (c *Client) RunGroup(ctx context.Context, cfg GroupConfig, assigned func(*Generation)) error {
	if cfg.Session == 0 {
		cfg.Session = 10 * time.Second
	}
	connected, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	group, err := c.joinGroup(connected, cfg)
	if err != nil {
		return fmt.Errorf("join group %q: %w", cfg.Group, err)
	}
	m := membership{c: c, cfg: cfg, log: c.log.With().Str("group", cfg.Group).Logger(), lost: time.Now()}
	var refused error
	for {
		gen, err := group.Next(ctx)
		if ctx.Err() != nil {
			break
		}
		if refused = m.failed(err); refused != nil {
			break
		}
		if err == nil {
			gen.Start(func(over context.Context) { // its end is the generation's
				select {
				case <-over.Done():
				case <-cfg.Anew:
				}
			})
			assigned(m.begun(gen))
		}
	}
	// It leaves by itself if the broker answers in time, also while it joins, when only it knows our id.
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	defer time.AfterFunc(leaveWithin/2, cut).Stop()
	if err := group.Close(); err != nil {
		return fmt.Errorf("leave group %q: %w", cfg.Group, err)
	}
	c.leaveGroup(leaving, cfg.Group, m.id)
	return refused
}

// joinGroup begins a membership that has connections until connected ends.
func (c *Client) joinGroup(connected context.Context, cfg GroupConfig) (*kgo.ConsumerGroup, error) {
	if cfg.Group == "" || cfg.Topic == "" || cfg.Shards < 1 || cfg.About == nil {
		return nil, errors.New("it needs a name, a topic, a number of shards and what a member says of itself")
	}
	if cfg.Session < 3*heartbeats {
		return nil, fmt.Errorf("a session of %v is too short for a heartbeat each %v", cfg.Session, heartbeats)
	}
	timeout := min(c.cfg.RequestTimeout, cfg.Session/3) // so that a dead connection is noticed before the session is lost
	return kgo.NewConsumerGroup(kgo.ConsumerGroupConfig{
		ID: cfg.Group, Brokers: c.cfg.Brokers, Topics: []string{cfg.Topic},
		Dialer:            &kgo.Dialer{ClientID: c.cfg.ClientID, Timeout: timeout, DialFunc: dialWithin(connected, c.cfg.dial)},
		GroupBalancers:    []kgo.GroupBalancer{balancer{topic: cfg.Topic, shards: cfg.Shards, about: cfg.About}},
		HeartbeatInterval: heartbeats, JoinGroupBackoff: joinPause,
		SessionTimeout: cfg.Session, RebalanceTimeout: cfg.Session, Timeout: timeout,
		// Added partitions change nothing, and a deleted topic would make the group assemble again without end.
		WatchPartitionChanges: false,
	})
}

// dialWithin opens connections that end with ctx.
func dialWithin(ctx context.Context, dial dialFunc) dialFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		dialing, cancel := context.WithCancel(dialing)
		defer context.AfterFunc(ctx, cancel)()
		defer cancel()
		conn, err := dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		return bounded{conn, context.AfterFunc(ctx, func() { conn.Close() })}, nil
	}
}

// bounded is a connection that something else may close too.
type bounded struct {
	net.Conn
	forget func() bool
}

// Close is net.Conn.
func (b bounded) Close() error {
	b.forget()
	return b.Conn.Close()
}

// membership is what RunGroup knows of itself, and what it told the log.
type membership struct {
	c      *Client
	cfg    GroupConfig
	log    zerolog.Logger
	id     string // as a member, of the last generation
	shards []events.ShardID
	lost   time.Time // since when it does not work; zero while it does
	told   bool      // the log knows that it does not
}

func (m *membership) begun(gen *kgo.Generation) *Generation {
	g := &Generation{ID: gen.ID, Member: gen.MemberID, c: m.c, group: m.cfg.Group, topic: m.cfg.Topic}
	for _, a := range gen.Assignments[m.cfg.Topic] {
		g.Shards = append(g.Shards, events.ShardID(a.ID))
	}
	slices.Sort(g.Shards)
	event := m.log.Info()
	if m.id != "" && !m.told && slices.Equal(m.shards, g.Shards) {
		event = m.log.Debug()
	}
	event.Int32("generation", g.ID).Ints32("shards", int32s(g.Shards)).Msg("member of the group")
	m.id, m.shards, m.lost, m.told = g.Member, g.Shards, time.Time{}, false
	return g
}

// failed notes that joining failed, if it did. It is an error if to try again is for nothing.
func (m *membership) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kgo.InvalidSessionTimeout):
		return fmt.Errorf("join group %q: its session of %v is not within the broker's group.min.session.timeout.ms and "+
			"group.max.session.timeout.ms: %w", m.cfg.Group, m.cfg.Session, err)
	case errors.Is(err, kgo.GroupAuthorizationFailed), errors.Is(err, kgo.InvalidGroupId):
		return fmt.Errorf("join group %q: %w", m.cfg.Group, err)
	}
	if m.lost.IsZero() {
		m.lost = time.Now()
	}
	if !m.told && time.Since(m.lost) >= time.Second {
		m.told = true
		m.log.Warn().Err(err).Msg("not a member of the group for now, trying again; shards stay where they are")
	}
	return nil
}

// leaveGroup ends a membership, if it did not end before. That it could not is told and no more: the session ends by itself.
func (c *Client) leaveGroup(ctx context.Context, group, member string) {
	if member == "" {
		return
	}
	err := c.retry(ctx, "leave group "+group, func() error {
		m, err := c.send(ctx, &leavegroup.Request{GroupID: group, Members: []leavegroup.RequestMember{{MemberID: member}}}, 0)
		if err != nil {
			return err
		}
		res := m.(*leavegroup.Response)
		err = answered(res.ErrorCode)
		for _, m := range res.Members {
			err = cmp.Or(err, answered(m.ErrorCode))
		}
		if errors.Is(err, kgo.UnknownMemberId) { // it was lost before
			return nil
		}
		return err
	})
	if err != nil {
		c.log.Warn().Str("group", group).Err(err).Msg("left the group without telling it: the others notice when the session ends")
	}
}

// Member is a member of a group as the coordinator knows it.
type Member struct {
	About                   // as of its last joining; nothing where it cannot be read
	ID     string           // the coordinator's
	Shards []events.ShardID // assigned to it
}

// Members asks the coordinator who is in a group and what is assigned to whom, in order of instance. It waits while the
// group assembles anew.
func (c *Client) Members(ctx context.Context, group, topic string) (members []Member, err error) {
	err = c.retry(ctx, "ask for the members of group "+group, func() error {
		res, err := c.api.DescribeGroups(ctx, &kgo.DescribeGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return err
		}
		members = members[:0]
		for _, g := range res.Groups {
			switch {
			case errors.Is(g.Error, kgo.GroupIdNotFound):
				continue
			case g.Error != nil:
				return g.Error
			case g.GroupState == "PreparingRebalance" || g.GroupState == "CompletingRebalance":
				return fmt.Errorf("the group assembles (%s): %w", g.GroupState, kgo.GroupLoadInProgress)
			}
			for _, m := range g.Members {
				members = append(members, describe(m, topic))
			}
		}
		return nil
	})
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.ID, b.ID))
	})
	return members, err
}

func describe(m kgo.DescribeGroupsResponseMember, topic string) Member {
	about, _ := readAbout(m.MemberMetadata.UserData)
	out := Member{About: about, ID: m.MemberID}
	for _, t := range m.MemberAssignments.Topics {
		if t.Topic != topic {
			continue
		}
		for _, p := range t.Partitions {
			out.Shards = append(out.Shards, events.ShardID(p))
		}
	}
	slices.Sort(out.Shards)
	return out
}

func int32s(ps []events.ShardID) []int32 {
	out := make([]int32, len(ps))
	for i, p := range ps {
		out[i] = int32(p)
	}
	return out
}
