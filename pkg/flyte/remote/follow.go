package remote

import (
	"context"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// Follow is how an execution is followed. The zero value follows in silence.
type Follow struct {
	Observe func(local.Event)
	// Fetch reads a small object, for the error documents of a map's elements;
	// nil, or an error: their messages are not told.
	Fetch func(ctx context.Context, uri string) ([]byte, error)
	// Lost is told when FlyteAdmin can't be reached any more, and with nil when
	// it can be again.
	Lost func(error)

	Interval    time.Duration // between looks while things happen; default 1 s
	MaxInterval time.Duration // and while nothing does; default 10 s
	Requests    int           // that a look may take for what is still running; default 40
	Patience    time.Duration // how long FlyteAdmin may be away; default 10 min
}

func (f *Follow) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&f.Interval, time.Second)
	set(&f.MaxInterval, 10*time.Second)
	set(&f.Patience, 10*time.Minute)
	if f.Requests <= 0 {
		f.Requests = 40
	}
	if f.Observe == nil {
		f.Observe = func(local.Event) {}
	}
	if f.Lost == nil {
		f.Lost = func(error) {}
	}
}

// Follow tells what happens in an execution until it ends. An execution that
// fails gives an error that holds a [local.Failure] for each node at its root. When ctx
// ends, the execution goes on.
func (c *Client) Follow(ctx context.Context, id *core.WorkflowExecutionIdentifier, f Follow) (*admin.Execution, error) {
	f.defaults()
	t := &tracker{walk: newWalk(c), follow: f}
	if _, err := c.Execution(ctx, id); err != nil {
		return nil, err
	}
	var away time.Time // since when FlyteAdmin has been away
	wait := f.Interval
	for {
		began := time.Now()
		t.changed = false
		e, err := t.look(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && fault.KindOf(err) != fault.Transient:
			return nil, err
		case err != nil:
			if away.IsZero() {
				away = began
				f.Lost(err)
			}
			if time.Since(away) > f.Patience {
				return nil, err
			}
			wait = min(2*wait, f.MaxInterval)
		default:
			if !away.IsZero() {
				away = time.Time{}
				f.Lost(nil)
			}
			if Ended(e) {
				return e, t.outcome(e)
			}
			wait = min(wait*3/2, f.MaxInterval)
			if t.changed {
				wait = f.Interval
			}
			wait = max(wait, min(2*time.Since(began), f.MaxInterval)) // a slow server is asked less often
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}
