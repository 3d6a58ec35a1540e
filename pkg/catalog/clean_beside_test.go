package catalog_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
)

// TestCleanBesideAnAssembler cleans again and again while somebody commits, with
// each age of what is left alone: in the end every file is there and every row once,
// or the cleaning was refused.
func TestCleanBesideAnAssembler(t *testing.T) {
	const tiles = 4
	for _, age := range []time.Duration{0, time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		for _, unnamed := range []bool{false, true} {
			t.Run(fmt.Sprint(age, unnamed), func(t *testing.T) {
				inDirectory(t, func(t *testing.T, s site) {
					a, b := catalogtest.Open(t, s.Catalog), catalogtest.Open(t, s.Catalog)
					commit(t, b, batch("before", config, 1, 3, 0.25))
					done := make(chan error, 1)
					go func() {
						for id := range int64(tiles) {
							for round := range 2 {
								if _, err := a.Commit(t.Context(), batch(fmt.Sprint("run", round), config, id+1, 20, float32(round)/10)); err != nil {
									done <- err
									return
								}
							}
						}
						done <- nil
					}()
					var ended error
					for ended = errNotYet; errors.Is(ended, errNotYet); {
						x, err := b.PlanExpiry(t.Context(), s.store, catalog.Retention{Before: time.Now().Add(-age), Keep: 1, Unnamed: unnamed})
						if err == nil {
							_, err = b.Expire(t.Context(), s.store, x)
						}
						if err != nil && (!unnamed || fault.CodeOf(err) != catalog.CodeYoung) {
							t.Error(err)
						}
						select {
						case ended = <-done:
						default:
						}
					}
					if ended != nil {
						t.Fatal(ended)
					}
					if v := s.verify(t, b, true); !v.OK || v.Tables[0].Contents.Rows != 4*tiles || v.Tables[1].Contents.Rows != 4*20*tiles {
						t.Errorf("%v: %+v, %+v", v.Err(), v.Tables[0].Contents, v.Tables[1].Contents)
					}
				})
			})
		}
	}
}

var errNotYet = errors.New("still at it")
