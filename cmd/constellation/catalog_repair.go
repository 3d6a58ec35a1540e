package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// repairing is what `catalog repair` was asked for.
type repairing struct {
	tended
	way string
	yes bool
}

func catalogRepair() *cobra.Command {
	var r repairing
	c := &cobra.Command{
		Use:   "repair --config FILE",
		Short: "Give back tables that can be read, where files of theirs are gone",
		Long: `Repair verifies the tables, and shows two ways to have them whole again, with what
each loses; it changes nothing unless --yes is given.

  --way drop  takes the tiles out of both tables whose rows were in files that are
              gone or cut short, and keeps all others. A campaign measures them again.
  --way back  sets both tables to their newest common state that is whole. What was
              committed since is lost, unless its runs are assembled again.

Without --way it is the one that loses fewer rows. It never reads what is broken,
removes no file, and takes broken snapshots out of the history with what it
changes, but such as a branch or tag names. Leases stay as they are; where somebody has
one on a tile that would go, it is refused. Each table changes in one commit,
beside other writers; cut off, it is finished by another repair.

Where the metadata document itself is gone, an SQL catalogue is pointed at the
newest earlier one first. Other kinds of catalogue keep that pointer themselves:
their own tools register the table anew from a document in its metadata/.`,
		Example: `  constellation catalog repair --config edfs.yaml
  constellation catalog repair --config edfs.yaml --way drop --yes`,
		Args: cobra.NoArgs,
	}
	r.flags(c)
	f := c.Flags()
	f.StringVar(&r.way, "way", "", "drop or back; by default the one that loses fewer rows")
	f.BoolVar(&r.deep, "deep", false, "read the data files, and repair those too whose contents are wrong")
	f.BoolVar(&r.yes, "yes", false, "do it")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if r.way != "" && !slices.Contains([]string{string(catalog.Back), string(catalog.Drop)}, r.way) {
			return fault.Input(codeUsage, "--way %q: it is %s or %s", r.way, catalog.Drop, catalog.Back).Fix("%s --help says what it takes", c.CommandPath())
		}
		return r.run(c.Context(), c.OutOrStdout())
	}
	return c
}

func (r *repairing) run(ctx context.Context, w io.Writer) error {
	return r.with(ctx, r.yes, func(tables *catalog.Catalog, store objstore.Store) error {
		p, err := tables.PlanRepair(ctx, store, r.deep)
		if err != nil {
			return err
		}
		if p.Needed() {
			err = p.Choose(catalog.Way(r.way))
		}
		if r.asJSON {
			if perr := printJSON(w, p); perr != nil {
				return perr
			}
		} else {
			showVerdict(w, p.Verdict)
			showRepairs(w, p)
		}
		switch {
		case err != nil:
			return err
		case !p.Needed():
			return nil
		case !r.yes:
			if !r.asJSON {
				fmt.Fprintln(w, "\nthis was a dry run: nothing was changed; --yes does it")
			}
			return nil
		}
		if err := tables.Repair(ctx, store, p, r.deep); err != nil {
			return err
		}
		v, err := tables.Verify(ctx, store, false)
		if err != nil {
			return err
		}
		if !r.asJSON && v.OK {
			fmt.Fprintln(w, "\nit is repaired: every file of the tables is there")
		}
		return v.Err()
	})
}

func showRepairs(w io.Writer, p *catalog.Repairs) {
	if !p.Needed() {
		if len(p.Verdict.Flaws()) > 0 {
			fmt.Fprintln(w, "no file is to be repaired: constellation assemble of the run that measured the tiles writes their rows anew")
		}
		return
	}
	fmt.Fprintln(w)
	for _, m := range p.Documents {
		if m.To == "" {
			fmt.Fprintf(w, "table %s: no metadata document before %s can be read\n", m.Table, m.From)
			continue
		}
		fmt.Fprintf(w, "table %s: the catalogue is to point at %s, of %s\n", m.Table, m.To, minute(m.Since))
	}
	for _, choice := range []struct {
		way  catalog.Way
		what string
		catalog.Choice
	}{{catalog.Drop, "take out the tiles whose rows are gone", p.Drop}, {catalog.Back, "go back to the newest state that is whole", p.Back}} {
		mark := " "
		if choice.way == p.Way {
			mark = "*"
		}
		if !choice.Possible {
			fmt.Fprintf(w, "%s --way %s: can't be done: %s\n", mark, choice.way, choice.Why)
			continue
		}
		fmt.Fprintf(w, "%s --way %s: %s", mark, choice.way, choice.what)
		if !choice.As.IsZero() {
			fmt.Fprintf(w, ", of %s", minute(choice.As))
		}
		fmt.Fprintf(w, "; loses at most %d shear rows and %d source rows%s\n", choice.Rows, choice.Sources, lostTiles(choice.Choice))
	}
	for _, l := range p.Leases {
		fmt.Fprintf(w, "in its way: %v\n", l)
	}
}

func lostTiles(c catalog.Choice) string {
	var text []string
	for i, t := range c.Tiles {
		if i == flawsShown {
			text = append(text, fmt.Sprintf("and %d more", len(c.Tiles)-i))
			break
		}
		text = append(text, t.String())
	}
	if c.Foreign > 0 {
		text = append(text, fmt.Sprintf("and what %d commits by others changed", c.Foreign))
	}
	if len(text) == 0 {
		return ""
	}
	return ": " + strings.Join(text, ", ")
}
