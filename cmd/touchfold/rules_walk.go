package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/store"
)

// walked is how far the pass over all customers of a shard is that follows a change of rules.
type walked struct {
	done, left int
	counted    bool // left is known
	speaks     bool // of an instance that was asked: the shard is its own, and there is a walk if done or left is not 0
}

func (w *walked) String() string {
	switch {
	case w.done+w.left == 0:
		return "none"
	case !w.counted:
		return fmt.Sprintf("%d customers done", w.done)
	}
	return fmt.Sprintf("%d of %d customers done", w.done, w.done+w.left)
}

// askWithin bounds asking an instance, and asking the group who its members are.
const askWithin = 3 * time.Second

// walksOf asks all instances that are alive for the walks of their shards. silent says who does not answer, and why.
func walksOf(ctx context.Context, client *kafka.Client, c *config.Config) (all map[events.ShardID]*walked, silent []string) {
	all = map[events.ShardID]*walked{}
	ctx, cancel := context.WithTimeout(ctx, 3*askWithin)
	defer cancel()
	members, err := client.Members(ctx, c.App, c.Topics.Touchpoints)
	if err != nil {
		return all, []string{"who runs is not known: " + err.Error()}
	}
	for _, m := range members {
		address, ok := addressOf(m)
		if !ok {
			continue
		}
		if err := askWalks(ctx, address, all); err != nil {
			silent = append(silent, fmt.Sprintf("%s does not tell how far its walks are: %v; see its http.listen",
				m.Instance, err))
		}
	}
	return all, silent
}

// addressOf is where a member serves metrics. One that listens on all addresses of its machine is asked by its name.
func addressOf(m kafka.Member) (address string, ok bool) {
	host, port, err := net.SplitHostPort(m.Address)
	if err != nil {
		return "", false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host, _, _ = strings.Cut(m.Instance, "/")
	}
	return net.JoinHostPort(host, port), true
}

// askWalks reads the metrics of an instance.
func askWalks(ctx context.Context, address string, all map[events.ShardID]*walked) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	found := map[events.ShardID]*walked{}
	of := func(shard events.ShardID) *walked {
		if found[shard] == nil {
			found[shard] = &walked{}
		}
		return found[shard]
	}
	for lines := bufio.NewScanner(io.LimitReader(response.Body, 16<<20)); lines.Scan(); {
		var shard events.ShardID
		var state string
		var value float64
		if n, _ := fmt.Sscanf(lines.Text(), `touchfold_walk_customers{shard="%d",state=%q} %g`, &shard, &state, &value); n == 3 {
			if state == "done" {
				of(shard).done = int(value)
			} else {
				of(shard).left, of(shard).counted = int(value), value > 0
			}
		}
		if n, _ := fmt.Sscanf(lines.Text(), `touchfold_speaking{shard="%d"} %g`, &shard, &value); n == 2 {
			of(shard).speaks = value == 1
		}
	}
	if response.StatusCode != http.StatusOK || len(found) == 0 {
		return fmt.Errorf("http://%s/metrics (%s) tells nothing of shards", address, response.Status)
	}
	for shard, w := range found {
		if w.speaks {
			all[shard] = w
		}
	}
	return nil
}

// walkStored says what the local store of a shard tells of its walk.
func walkStored(c *config.Config, shard events.ShardID) string {
	st, err := openBare(c.Store.Dir, shard)
	if errors.Is(err, store.ErrNone) {
		return "not known: no instance that has it answers"
	}
	if err != nil {
		return "not known: " + err.Error()
	}
	defer st.Close() // nothing was written
	at, exists := st.Positions()
	switch {
	case !exists:
		return "not known: its store is empty"
	case !at.Walk.Active:
		return "none"
	}
	w := walked{counted: true}
	err = st.IDs("", func(id events.CustomerID) bool {
		if id <= at.Walk.After {
			w.done++
		} else {
			w.left++
		}
		return true
	})
	if err != nil {
		return "not known: " + err.Error()
	}
	return w.String() + ", when it stopped"
}
