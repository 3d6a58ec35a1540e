package catalog

import (
	"context"
	"iter"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/catalog/foreign"
	"github.com/cosmostat/constellation/pkg/catalog/reading"
	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/catalog/upkeep"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// What the rooms of this package speak of, by its name here.
type (
	ShearRow  = rows.Shear
	SourceRow = rows.Source

	Filter  = reading.Filter
	Plan    = reading.Plan
	SubTile = reading.SubTile
	Report  = reading.Report
	Inputs  = reading.Inputs

	Batch    = commits.Batch
	Snapshot = commits.Snapshot
	Written  = commits.Written
	Lease    = commits.Lease
	Ledger   = commits.Ledger
	Rows     = commits.Rows

	Retention = upkeep.Retention
	Expiry    = upkeep.Expiry
	Expired   = upkeep.Expired
	Stale     = upkeep.Stale
	Files     = upkeep.Files
	Evolution = upkeep.Evolution
	Verdict   = upkeep.Verdict
	Flaw      = upkeep.Flaw
	Repairs   = upkeep.Plan
	Way       = upkeep.Way
	Choice    = upkeep.Choice

	Compaction     = upkeep.Compaction
	CompactOptions = upkeep.CompactOptions
)

// Codes of failures, see those packages.
const (
	CodeSettings  = tables.CodeSettings
	CodeConflict  = tables.CodeConflict
	CodeTable     = tables.CodeTable
	CodeGone      = tables.CodeGone
	CodeDeletes   = tables.CodeDeletes
	CodeForeign   = foreign.Code
	CodeBatch     = commits.CodeBatch
	CodeLeaseLost = commits.CodeLeaseLost
	CodeRelease   = commits.CodeRelease
	CodeLeased    = commits.CodeLeased
	CodeYoung     = upkeep.CodeYoung
	CodeBroken    = upkeep.CodeBroken
	CodeRepair    = upkeep.CodeRepair
	CodeMissing   = foreign.CodeMissing
)

// Constants of those packages.
const (
	Name  = tables.Name
	Probe = tables.Probe
	Floor = tables.Floor
	Back  = upkeep.Back
	Drop  = upkeep.Drop
)

// Catalog is an open catalogue. Its methods may be called concurrently.
type Catalog struct{ *tables.Catalog }

// Open opens the catalogue, see [tables.Open].
func Open(ctx context.Context, s settings.Catalog) (*Catalog, error) {
	return opened(tables.Open(ctx, s))
}

// Reading opens it for who reads, see [tables.Reading].
func Reading(ctx context.Context, s settings.Catalog) (*Catalog, error) {
	return opened(tables.Reading(ctx, s))
}

// OpenExisting opens it for who looks after it, see [tables.OpenExisting].
func OpenExisting(ctx context.Context, s settings.Catalog) (*Catalog, error) {
	return opened(tables.OpenExisting(ctx, s))
}

func opened(c *tables.Catalog, err error) (*Catalog, error) {
	if err != nil {
		return nil, err
	}
	return &Catalog{c}, nil
}

// Usable finds out whether a run could end in the catalogue, see [tables.Usable].
func Usable(ctx context.Context, s settings.Catalog, store objstore.Store) ([]string, error) {
	return tables.Usable(ctx, s, store)
}

// Redacted is a catalogue's URI as it may be shown.
func Redacted(uri string) string { return tables.Redacted(uri) }

// Rows gives the shear rows that a filter selects, see [reading.Shear].
func (c *Catalog) Rows(ctx context.Context, f Filter) iter.Seq2[ShearRow, error] {
	return reading.Shear(ctx, c.Catalog, f)
}

// Sources gives the source rows that a filter selects, see [reading.Sources].
func (c *Catalog) Sources(ctx context.Context, f Filter) iter.Seq2[SourceRow, error] {
	return reading.Sources(ctx, c.Catalog, f)
}

// Validate holds the rows of a plan to it, see [reading.Validate].
func (c *Catalog) Validate(ctx context.Context, plan Plan, th settings.Thresholds) (*Report, error) {
	return reading.Validate(ctx, c.Catalog, plan, th)
}

// Commit replaces the rows of a batch's tiles, see [commits.Commit].
func (c *Catalog) Commit(ctx context.Context, b Batch) (Snapshot, error) {
	return commits.Commit(ctx, c.Catalog, b)
}

// Write writes a batch's source rows without committing them, see [commits.Write].
func (c *Catalog) Write(ctx context.Context, b Batch) (*Written, error) {
	return commits.Write(ctx, c.Catalog, b)
}

// Ledger reads the leases and what is there, see [commits.Read].
func (c *Catalog) Ledger(ctx context.Context, configID string) (*Ledger, error) {
	return commits.Read(ctx, c.Catalog, configID)
}

// Amend changes leases, see [commits.Amend].
func (c *Catalog) Amend(ctx context.Context, configID string, change func(*Ledger) ([]Lease, error)) error {
	return commits.Amend(ctx, c.Catalog, configID, change)
}

// Tidy keeps small what each commit reads, see [upkeep.Tidy].
func (c *Catalog) Tidy(ctx context.Context) error { return upkeep.Tidy(ctx, c.Catalog) }

// Done says whether a batch was committed already, see [commits.Done].
func (c *Catalog) Done(ctx context.Context, b Batch) (Snapshot, bool, error) {
	return commits.Done(ctx, c.Catalog, b)
}

// Evolve brings the tables to what new ones are like, see [upkeep.Evolve].
func (c *Catalog) Evolve(ctx context.Context, format int, look bool) ([]Evolution, error) {
	return upkeep.Evolve(ctx, c.Catalog, format, look)
}

// Compact rewrites small files to large ones, see [upkeep.Compact].
func (c *Catalog) Compact(ctx context.Context, o CompactOptions) ([]Compaction, error) {
	return upkeep.Compact(ctx, c.Catalog, o)
}

// PlanExpiry finds what can go, see [upkeep.PlanExpiry].
func (c *Catalog) PlanExpiry(ctx context.Context, store objstore.Store, r Retention) (*Expiry, error) {
	return upkeep.PlanExpiry(ctx, c.Catalog, store, r)
}

// Expire removes what a plan holds, see [upkeep.Expire].
func (c *Catalog) Expire(ctx context.Context, store objstore.Store, x *Expiry) (Expired, error) {
	return upkeep.Expire(ctx, c.Catalog, store, x)
}

// Verify looks whether all files of the tables are what they were, see [upkeep.Verify].
func (c *Catalog) Verify(ctx context.Context, store objstore.Store, deep bool) (*Verdict, error) {
	return upkeep.Verify(ctx, c.Catalog, store, deep)
}

// PlanRepair finds what can be done about a broken catalogue, see [upkeep.PlanRepair].
func (c *Catalog) PlanRepair(ctx context.Context, store objstore.Store, deep bool) (*Repairs, error) {
	return upkeep.PlanRepair(ctx, c.Catalog, store, deep)
}

// Repair does what was chosen, see [upkeep.Repair].
func (c *Catalog) Repair(ctx context.Context, store objstore.Store, p *Repairs, deep bool) error {
	return upkeep.Repair(ctx, c.Catalog, store, p, deep)
}
