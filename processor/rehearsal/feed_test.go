package rehearsal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/processor/rehearsal"
)

// TestFeedAmongOthers: what is fed at once need not stand side by side: the program writes to its input too.
func TestFeedAmongOthers(t *testing.T) {
	t.Parallel()
	c := settings(t)
	r, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: c, Shards: 1, Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	other, err := kafka.New(kafka.Config{Brokers: []string{r.Broker()}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	fed, wrote, ended := make(chan struct{}), make(chan struct{}, 1), make(chan error, 1)
	go func() {
		for {
			if _, err := other.Append(t.Context(), c.Topics.Touchpoints, 0, []kafka.Out{{Value: []byte("nonsense")}}); err != nil {
				ended <- err
				return
			}
			select {
			case <-fed:
				ended <- nil
				return
			case wrote <- struct{}{}:
			default:
			}
		}
	}()
	<-wrote // it is under way
	line := `{"type":"page","userId":"a%d","timestamp":"2023-11-14T22:13:20Z","properties":{"x":"` + strings.Repeat("x", 1000) + `"}}`
	for i := range 8000 {
		if _, err = r.Feed(t.Context(), fmt.Appendf(nil, line, i)); err != nil {
			break
		}
	}
	close(fed)
	if err := errors.Join(err, <-ended, r.Flush(t.Context()), r.Settle(t.Context(), 1_700_000_100_000)); err != nil {
		t.Error(err)
	}
}
