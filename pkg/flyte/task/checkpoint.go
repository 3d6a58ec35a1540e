package task

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// previousFile names, in an attempt's checkpoint, that of the attempt before. A
// chain, so that an attempt that was stopped before it saved anything loses
// nothing.
const previousFile = "_previous"

// What is read of a checkpoint, in bytes: a prefix, and something saved.
const maxPrefix, maxSaved = 4096, 64 << 20

// chainLimit bounds how many attempts are asked; the engine allows fewer.
const chainLimit = 64

// Checkpoint is what the attempts of a task leave for each other, by name. An
// attempt finds what it saved itself, else what an earlier one did. Run by
// hand without --checkpoint-prefix it forgets everything: nothing is found and
// saving does nothing.
//
// Attempts before it may have been stopped anywhere: each name is saved whole
// or not at all, and nothing holds two names together.
type Checkpoint struct {
	store objstore.Store
	own   string // prefix; may be empty

	mu       sync.Mutex // the parts of a run look at the same time
	earlier  []string   // prefixes, the last attempt's first; the rest of the chain is found when needed
	followed bool
}

func newCheckpoint(store objstore.Store, own, previous string) *Checkpoint {
	c := &Checkpoint{store: store, own: own}
	if previous != "" {
		c.earlier = []string{previous}
	}
	return c
}

// Prefix is where this attempt's files go, for programs that save by
// themselves, under names that don't begin with an underscore; empty where there is none.
func (c *Checkpoint) Prefix() string { return c.own }

// Earlier are the prefixes of the attempts before, the last first.
func (c *Checkpoint) Earlier(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.followed && len(c.earlier) > 0 && len(c.earlier) < chainLimit {
		raw, err := objstore.ReadAtMost(ctx, c.store, objstore.Join(c.earlier[len(c.earlier)-1], previousFile), maxPrefix)
		if code := fault.CodeOf(err); code == objstore.NotFound || code == objstore.TooLarge { // or nobody's
			break
		}
		if err != nil {
			return nil, fmt.Errorf("find earlier checkpoints: %w", err)
		}
		c.earlier = append(c.earlier, string(raw))
	}
	c.followed = true
	return c.earlier, nil
}

// link leaves the way to the attempt before.
func (c *Checkpoint) link(ctx context.Context) error {
	if c.own == "" || len(c.earlier) == 0 {
		return nil
	}
	_, err := objstore.WriteFile(ctx, c.store, objstore.Join(c.own, previousFile), []byte(c.earlier[0]))
	return err
}

// Save writes a value, as JSON, for the attempts after this one. It goes on
// when the attempt has been told to stop: that is what it is for.
func (c *Checkpoint) Save(ctx context.Context, name string, value any) error {
	if c.own == "" {
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fault.New(fault.Bug, "CheckpointInvalid", "encode checkpoint %s: %w", name, err)
	}
	if _, err := objstore.WriteFile(context.WithoutCancel(ctx), c.store, objstore.Join(c.own, name), raw); err != nil {
		return fmt.Errorf("save checkpoint %s: %w", name, err)
	}
	return nil
}

// Load reads what was last saved under a name, and tells whether there is
// anything. What another version of the program saved in another form is as
// good as nothing.
func (c *Checkpoint) Load(ctx context.Context, name string, into any) (bool, error) {
	if c.own != "" {
		if found, err := c.load(ctx, c.own, name, into); found || err != nil {
			return found, err
		}
	}
	earlier, err := c.Earlier(ctx)
	if err != nil {
		return false, err
	}
	for _, prefix := range earlier {
		if found, err := c.load(ctx, prefix, name, into); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (c *Checkpoint) load(ctx context.Context, prefix, name string, into any) (bool, error) {
	raw, err := objstore.ReadAtMost(ctx, c.store, objstore.Join(prefix, name), maxSaved)
	switch {
	case fault.CodeOf(err) == objstore.NotFound, fault.CodeOf(err) == objstore.TooLarge:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("load checkpoint %s: %w", name, err)
	}
	return bounds.Unmarshal(raw, into) == nil, nil
}
