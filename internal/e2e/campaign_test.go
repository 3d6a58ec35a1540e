package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestCampaign works the tiny survey off, a tile at a time: two campaigns at
// once take different tiles, and the one after them has nothing left to do.
func TestCampaign(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.campaign(t, "camp.yaml", 1, "")
	ended := map[string]chan result{"first": make(chan result, 1), "second": make(chan result, 1)}
	for id, end := range ended {
		go func() { end <- finish(t, s.command("campaign", "--config", c.file, "--run-id", id)) }()
	}
	taken := map[int64]string{}
	for id, end := range ended {
		if r := <-end; r.status != 0 {
			t.Fatalf("%s: %s", id, r)
		}
		for _, tile := range s.run(t, id).Tiles {
			if other, twice := taken[tile.TileID]; twice {
				t.Errorf("tile %d was taken by %s and by %s", tile.TileID, other, id)
			}
			taken[tile.TileID] = id
		}
	}
	if len(taken) != len(s.tiny.TargetIDs()) {
		t.Errorf("taken: %v", taken)
	}
	c.whole(t, taken)
	before := tree(t, s.path("warehouse"))
	r := s.do(t, "campaign", "--config", c.file, "--run-id", "third")
	if run := s.run(t, "third"); len(run.Tiles) != 0 || !strings.Contains(r.stdout, "no tile is left to take") {
		t.Errorf("nothing is left to do: %d tiles, %s", len(run.Tiles), r)
	}
	sameTree(t, "the catalogue after a campaign without tiles", without(before, "catalog.db-shm", "catalog.db-wal"), without(tree(t, s.path("warehouse")), "catalog.db-shm", "catalog.db-wal"))
	c.stands(t, map[string]int{"tiles of the survey": 2, "done": 2, "leased": 0, "never tried": 0, "to be tried again": 0, "given up": 0})
}

// TestCampaignDies ends a campaign after it leased its tiles. Others get them
// once its execution is known to be gone, or somebody gives the leases back. When
// it goes on after all, the catalogue stays as those others left it.
func TestCampaignDies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	maimed := s.maimed(t, "fan-out-batches", `exec %q "$@" --inputs /nowhere`) // what comes after the tiles are leased
	tiles := len(s.tiny.TargetIDs())
	endpoint := flyteAdmin(t, map[string]core.WorkflowExecution_Phase{
		"asked-dead": core.WorkflowExecution_ABORTED, "asked-busy": core.WorkflowExecution_RUNNING,
	})
	for _, how := range []string{"asked", "released"} {
		t.Run(how, func(t *testing.T) {
			admin := ""
			if how == "asked" {
				admin = endpoint
			}
			c := s.campaign(t, how+".yaml", tiles, admin)
			dead, next := how+"-dead", how+"-next"
			if r := s.try(t, "campaign", "--config", c.file, "--run-id", dead, "--bin", maimed); r.status != 1 {
				t.Fatalf("a campaign that fails: %s", r)
			}
			if how == "released" {
				holder := "constellation/local/" + dead
				c.stands(t, map[string]int{"leased": tiles, "done": 0})
				if r := s.do(t, "campaign", "--config", c.file, "--run-id", how+"-early"); !strings.Contains(r.stdout, "no tile is left to take") {
					t.Errorf("leases of somebody of whom nothing is known: %s", r)
				}
				if r := s.do(t, "campaign", "release", "--config", c.file, holder); r.stdout != fmt.Sprintf("%d tiles can be taken by others\n", tiles) {
					t.Error(r)
				}
				if r := s.try(t, "campaign", "release", "--config", c.file, holder); r.status != 1 || !strings.Contains(r.stderr, "no lease") {
					t.Errorf("released twice: %s", r)
				}
			} else {
				c.stands(t, map[string]int{"leased": 0, "to be tried again": tiles})
			}
			s.do(t, "campaign", "--config", c.file, "--run-id", next)
			taken := map[int64]string{}
			for _, id := range s.tiny.TargetIDs() {
				taken[id] = next
			}
			c.whole(t, taken)
			s.do(t, "campaign", "--config", c.file, "--run-id", dead)
			c.whole(t, taken)
		})
	}
	t.Run("busy", func(t *testing.T) {
		c := s.campaign(t, "busy.yaml", tiles, endpoint)
		if r := s.try(t, "campaign", "--config", c.file, "--run-id", "asked-busy", "--bin", maimed); r.status != 1 {
			t.Fatalf("a campaign that fails: %s", r)
		}
		c.stands(t, map[string]int{"leased": tiles, "done": 0})
		if r := s.do(t, "campaign", "--config", c.file, "--run-id", "busy-next"); !strings.Contains(r.stdout, "no tile is left to take") {
			t.Errorf("tiles of an execution that runs: %s", r)
		}
		if r := s.do(t, "campaign", "--config", c.file, "--run-id", "asked-busy"); !hasFigure(r.stdout, "in the catalogue", tiles*s.tiny.GridRows*s.tiny.GridCols) {
			t.Errorf("it goes on with its tiles: %s", r)
		}
	})
}

// campaigning is a configuration with a table of its own.
type campaigning struct {
	*site
	file, table string
}

// campaign writes one. admin is the endpoint of a FlyteAdmin, or empty.
func (s *site) campaign(t *testing.T, file string, tiles int, admin string) *campaigning {
	t.Helper()
	c := &campaigning{s, file, strings.TrimSuffix(file, ".yaml")}
	text := strings.Replace(s.config(surveyBucket), "  catalog_warehouse:", "  catalog_table: "+c.table+"\n  catalog_warehouse:", 1)
	text += fmt.Sprintf("campaign:\n  tiles: %d\n", tiles)
	if admin != "" {
		text += fmt.Sprintf("  flyte_endpoint: %q\n  flyte_insecure: true\n", admin)
	}
	write(t, s.path(file), text)
	return c
}

// run reads a run's record.
func (s *site) run(t *testing.T, id string) *survey.Run {
	t.Helper()
	run := &survey.Run{}
	if err := json.Unmarshal(read(t, filepath.Join(s.products, id, survey.RunFile)), run); err != nil {
		t.Fatal(err)
	}
	return run
}

// whole holds the catalogue to tiles that runs committed: each sub-tile has one
// row, of that run, and no lease is left.
func (c *campaigning) whole(t *testing.T, by map[int64]string) {
	t.Helper()
	tables, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: c.path("warehouse"), Namespace: "shear", Table: c.table})
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	rows, config := map[[3]int64]int{}, ""
	for r, err := range tables.Rows(t.Context(), catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows[[3]int64{r.TileID, int64(r.Row), int64(r.Col)}]++
		if config = r.ConfigID; r.RunID != by[r.TileID] {
			t.Errorf("tile %d, sub-tile %d_%d was committed by %s, not by %s", r.TileID, r.Row, r.Col, r.RunID, by[r.TileID])
		}
	}
	if want := len(by) * c.tiny.GridRows * c.tiny.GridCols; len(rows) != want {
		t.Errorf("%d sub-tiles in the catalogue, want %d", len(rows), want)
	}
	for k, n := range rows {
		if n != 1 {
			t.Errorf("%d rows of tile, row, column %v", n, k)
		}
	}
	ledger, err := tables.Ledger(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if len(ledger.Leases) > 0 {
		t.Errorf("leases are left: %v", ledger.Leases)
	}
}

// stands holds what `campaign status` says to figures.
func (c *campaigning) stands(t *testing.T, want map[string]int) {
	t.Helper()
	r := c.do(t, "campaign", "status", "--config", c.file)
	for label, n := range want {
		if !hasFigure(r.stdout, label, n) {
			t.Errorf("%s is not %d:\n%s", label, n, r.stdout)
		}
	}
}

// flyteAdmin answers how the local engine's executions stand, as if it knew them.
func flyteAdmin(t *testing.T, phases map[string]core.WorkflowExecution_Phase) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	service.RegisterAdminServiceServer(server, &executions{phases: phases})
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return "dns:///" + l.Addr().String()
}

type executions struct {
	service.UnimplementedAdminServiceServer
	phases map[string]core.WorkflowExecution_Phase
}

func (e *executions) GetExecution(_ context.Context, r *admin.WorkflowExecutionGetRequest) (*admin.Execution, error) {
	return &admin.Execution{Id: r.GetId(), Closure: &admin.ExecutionClosure{Phase: e.phases[r.GetId().GetName()]}}, nil
}
