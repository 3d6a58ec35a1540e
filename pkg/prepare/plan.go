package prepare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// plansAtOnce bounds the tiles that are planned together: a tile's query of the
// index holds a few megabytes, and its time is requests.
const plansAtOnce = 8

// Planner works out what tiles are made from.
type Planner struct {
	Plan  *survey.Plan
	Tiles *survey.Tiles
	Index *index.Index
	Grid  sky.Grid
	Store objstore.Store // holds the plan's batches, and takes the tiles' plans
	Dir   string         // where these go
	Redo  survey.Redo    // tiles that are prepared again whatever is cached

	ConfigID string // under which the tiles will be inferred
}

// Planned is a tile's plan: where it lies, and the SHA-256 of its bytes.
type Planned struct {
	TileID   int64
	URI, Key string
}

// Plans writes the plans of some tiles, in their order.
func (p *Planner) Plans(ctx context.Context, ids []int64) ([]Planned, error) {
	if err := p.Grid.Validate(); err != nil {
		return nil, err
	}
	around, batches := p.Tiles.Around(), batchCache{plan: p.Plan, r: p.Store}
	planned := make([]Planned, len(ids))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(plansAtOnce)
	for i, id := range ids {
		g.Go(func() error {
			plan, near, err := p.make(gctx, id, around, &batches)
			if err == nil {
				planned[i], err = p.save(gctx, plan, near)
			}
			if err != nil {
				return fmt.Errorf("plan tile %d: %w", id, err)
			}
			return nil
		})
	}
	return planned, g.Wait()
}

func (p *Planner) make(ctx context.Context, id int64, around *survey.Around, batches *batchCache) (*survey.TilePlan, []byte, error) {
	tile, err := p.Tiles.Find(id)
	if err != nil {
		return nil, nil, err
	}
	near, err := p.Index.Near(ctx, tile.Centre, p.Grid.Reach())
	if err != nil {
		return nil, nil, err
	}
	exposures, err := batches.exposures(ctx, near)
	if err != nil {
		return nil, nil, err
	}
	var rows bytes.Buffer
	if err := quadrants.Write(&rows, near); err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(rows.Bytes())
	return &survey.TilePlan{
		Tile: tile, Neighbours: around.Of(tile, p.Grid.NeighbourRadius()), Grid: p.Grid, Exposures: exposures,
		Quadrants: survey.QuadrantsFile{File: quadrantsFile(id), SHA256: hex.EncodeToString(sum[:]), Count: len(near)},
	}, rows.Bytes(), nil
}

func quadrantsFile(tile int64) string { return strconv.FormatInt(tile, 10) + ".parquet" }

// save writes a tile's plan and its quadrants.
func (p *Planner) save(ctx context.Context, plan *survey.TilePlan, near []byte) (Planned, error) {
	key, err := plan.Key()
	if err != nil {
		return Planned{}, err
	}
	if plan.Again, err = p.Redo.Of(ctx, key, p.ConfigID); err != nil {
		return Planned{}, err
	}
	if _, err := objstore.WriteFile(ctx, p.Store, objstore.Join(p.Dir, plan.Quadrants.File), near); err != nil {
		return Planned{}, err
	}
	done := Planned{TileID: plan.Tile.ID, URI: objstore.Join(p.Dir, strconv.FormatInt(plan.Tile.ID, 10)+".json")}
	done.Key, err = plan.Save(ctx, p.Store, done.URI)
	return done, err
}

// LoadTilePlan reads a tile's plan and its quadrants.
func LoadTilePlan(ctx context.Context, r objstore.Reader, uri string) (*survey.TilePlan, []euclid.Quadrant, error) {
	plan, err := survey.Load[survey.TilePlan](ctx, r, uri)
	if err != nil {
		return nil, nil, err
	}
	if plan.Quadrants.File != quadrantsFile(plan.Tile.ID) {
		return nil, nil, fault.Data("DocumentInvalid", "its quadrants are in %q, not in %s beside it", plan.Quadrants.File, quadrantsFile(plan.Tile.ID)).On(uri).Fix("plan the tile again")
	}
	file := strings.TrimSuffix(uri, objstore.Base(uri)) + plan.Quadrants.File
	rows, err := objstore.ReadFile(ctx, r, file)
	if err != nil {
		return nil, nil, err
	}
	if sum := sha256.Sum256(rows); hex.EncodeToString(sum[:]) != plan.Quadrants.SHA256 {
		return nil, nil, fault.Data("DocumentInvalid", "its SHA-256 is %x, the tile's plan says %s", sum, plan.Quadrants.SHA256).On(file).Fix("plan the tile again")
	}
	near, err := quadrants.Read(bytes.NewReader(rows), int64(len(rows)))
	if err != nil {
		return nil, nil, fmt.Errorf("read quadrants of %s: %w", file, err)
	}
	return plan, near, nil
}

// batchCache reads each batch of a plan once, whoever asks.
type batchCache struct {
	plan *survey.Plan
	r    objstore.Reader
	mu   sync.Mutex
	read map[int]func() (*survey.Batch, error)
}

func (c *batchCache) batch(ctx context.Context, i int) (*survey.Batch, error) {
	c.mu.Lock()
	if c.read == nil {
		c.read = map[int]func() (*survey.Batch, error){}
	}
	once := c.read[i]
	if once == nil {
		once = sync.OnceValues(func() (*survey.Batch, error) { return c.plan.Batch(ctx, c.r, i) })
		c.read[i] = once
	}
	c.mu.Unlock()
	return once()
}

// exposures returns those that the quadrants are of, by id.
func (c *batchCache) exposures(ctx context.Context, qs []euclid.Quadrant) ([]euclid.Exposure, error) {
	wanted := map[euclid.ExposureID]bool{}
	var ids []euclid.ExposureID
	for _, q := range qs {
		if !wanted[q.Exposure] {
			wanted[q.Exposure] = true
			ids = append(ids, q.Exposure)
		}
	}
	found := []euclid.Exposure{}
	for _, i := range c.plan.Holding(ids) {
		b, err := c.batch(ctx, i)
		if err != nil {
			return nil, err
		}
		for _, e := range b.Exposures {
			if wanted[e.ExposureID] {
				found = append(found, e)
				delete(wanted, e.ExposureID)
			}
		}
	}
	for id := range wanted {
		return nil, fault.New(fault.Bug, "ExposureUnplanned", "the index has quadrants of exposure %s, which is not in the plan", id)
	}
	slices.SortFunc(found, func(a, b euclid.Exposure) int { return a.ExposureID.Compare(b.ExposureID) })
	return found, nil
}
