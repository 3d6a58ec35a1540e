package glue_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/internal/testing/gluetest"
	"github.com/cosmostat/constellation/pkg/fault"
)

// Eight writers who commit at the same time lose races, and no row.
func TestRace(t *testing.T) {
	server, s := catalogue(t)
	lay(t, open(t, s))
	const writers, each = 8, 5
	var want []int64
	g, ctx := errgroup.WithContext(t.Context())
	for w := range int64(writers) {
		c := open(t, s)
		for i := range int64(each) {
			want = append(want, 100*w+i)
		}
		g.Go(func() error {
			tb, err := c.LoadTable(ctx, ident)
			for i := range int64(each) {
				if err == nil {
					tb, err = add(ctx, tb, 100*w+i) // on a state that is old: the library replays it
				}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := tiles(t, open(t, s)); !slices.Equal(got, want) {
		t.Errorf("%d rows are there, not %d: %v", len(got), len(want), got)
	}
	if n := server.Calls("UpdateTable"); n == writers*each {
		t.Error("no writer lost a race, so none was tried")
	}
}

// A commit that was made and whose answer was lost is made once, and taken for
// made, also where others committed since.
func TestLostAnswer(t *testing.T) {
	server, s := catalogue(t)
	c := open(t, s)
	server.Lose(1)
	tb := lay(t, c)
	for n := range int64(3) {
		server.Lose(1)
		if n == 2 { // between the try that was heard and the next
			server.Before(func(op string, _ []byte) *gluetest.Refusal {
				if op == "UpdateTable" && server.Calls(op) == 6 {
					other := open(t, s)
					now, err := other.LoadTable(t.Context(), ident)
					if err == nil {
						_, err = add(t.Context(), now, 50)
					}
					if err != nil {
						t.Error(err)
					}
				}
				return nil
			})
		}
		next, err := add(t.Context(), tb, n)
		if err != nil {
			t.Fatal(err)
		}
		tb = next
	}
	if got := tiles(t, open(t, s)); !slices.Equal(got, []int64{0, 1, 2, 50}) {
		t.Errorf("rows %v", got)
	}
}

// Where nobody knows whether a commit was made, it isn't called a lost race.
func TestUnknown(t *testing.T) {
	server, s := catalogue(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	c := open(t, s)
	tb := lay(t, c)
	server.Lose(2)
	tried := false
	server.Before(func(op string, _ []byte) *gluetest.Refusal {
		tried = tried || op == "UpdateTable"
		if op == "GetTable" && tried {
			return &gluetest.Refusal{Status: http.StatusServiceUnavailable, Type: "ServiceUnavailable", Says: "away"}
		}
		return nil
	})
	_, err := add(t.Context(), tb, 7)
	if errors.Is(err, table.ErrCommitFailed) || fault.KindOf(err) != fault.Transient {
		t.Errorf("%v", err)
	}
	server.Before(nil)
	server.Lose(0)
	if got := tiles(t, open(t, s)); !slices.Equal(got, []int64{7}) {
		t.Errorf("rows %v", got)
	}
}

// A requirement that doesn't hold is a lost race, before anything is written; a
// change that is none is not written.
func TestRequirements(t *testing.T) {
	server, s := catalogue(t)
	c := open(t, s)
	tb := lay(t, c)
	stale := int64(4711)
	set := table.NewSetPropertiesUpdate(iceberg.Properties{"a": "b"})
	if _, _, err := c.CommitTable(t.Context(), ident, []table.Requirement{table.AssertRefSnapshotID(table.MainBranch, &stale)}, []table.Update{set}); !errors.Is(err, table.ErrCommitFailed) {
		t.Error(err)
	}
	if _, at, err := c.CommitTable(t.Context(), ident, nil, nil); err != nil || at != tb.MetadataLocation() {
		t.Error(at, err)
	}
	if n := server.Calls("UpdateTable"); n != 0 {
		t.Errorf("%d updates", n)
	}
	if _, at, err := c.CommitTable(t.Context(), ident, nil, []table.Update{set}); err != nil || at == tb.MetadataLocation() {
		t.Error(at, err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.CommitTable(canceled, ident, nil, []table.Update{set}); !errors.Is(err, context.Canceled) || errors.Is(err, table.ErrCommitFailed) {
		t.Error(err)
	}
}
