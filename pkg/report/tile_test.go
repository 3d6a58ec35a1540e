package report_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

var tagRE = regexp.MustCompile(`<[^>]*>`)

// cells are the lines of a page without its tags, cells apart.
func cells(page string) string {
	return tagRE.ReplaceAllString(strings.ReplaceAll(page, "</td>", " | "), "")
}

func TestScheduled(t *testing.T) {
	p := &survey.Prepared{TileReport: survey.TileReport{TileID: 7, SubTiles: []survey.SubTile{
		{Cell: sky.Cell{Row: 0, Col: 0}, Status: survey.StatusNoSources, Directory: "s3://b/r/7/0_0"},
		{Cell: sky.Cell{Row: 0, Col: 1}, Status: survey.StatusOK, Memory: 5e9, Quadrants: 3, Exposures: 2, CoreSources: 40, Directory: "s3://b/r/7/0_1"},
		{Cell: sky.Cell{Row: 1, Col: 0}, Status: survey.StatusOK, Memory: 100e9, Directory: "s3://b/r/7/1_0"},
		{Cell: sky.Cell{Row: 1, Col: 1}, Status: survey.StatusOK, Memory: 5e9, Directory: "s3://b/r/7/1_1"},
	}}}
	page := cells(report.Scheduled(p, p.ToInfer(20e9), 20e9))
	for _, want := range []string{
		"0_0 | none | no_sources |", "0_1 | 0 | to be inferred | 2 | 3 | 40 | s3://b/r/7/0_1", "1_0 | none | not inferred: inference needs 100.0 GB", "1_1 | 1 | to be inferred",
		"to be inferred | 2 |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	p.Failure = "its catalogue is <corrupt>"
	if page := report.Scheduled(p, p.ToInfer(0), 0); !strings.Contains(page, "its catalogue is &lt;corrupt&gt;") || strings.Contains(cells(page), "| to be inferred |") {
		t.Errorf("a tile that failed: %s", page)
	}
}

func TestTiles(t *testing.T) {
	r := &survey.Run{}
	for id := range int64(1200) {
		r.Tiles = append(r.Tiles, survey.RunTile{TileID: id, SubTiles: []survey.RunSubTile{
			{CoreSources: 5, Outcome: survey.Outcome{SubTileID: sky.ID(id, 0, 0), Status: survey.StatusPrepared, Directory: "s3://b/<dir>"}},
			{Outcome: survey.Outcome{SubTileID: sky.ID(id, 0, 1), Status: survey.StatusFailed, Reason: "NaN loss"}},
		}})
	}
	page := report.Tiles(r)
	for _, want := range []string{"<details><summary>tile 7: 1 failed, 1 prepared</summary>", "s3://b/&lt;dir&gt;", "and 200 more tiles"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(page, "tile 1000:") {
		t.Error("more tiles than are shown")
	}
	r.Tiles = r.Tiles[:2]
	r.Tiles[1].Failure, r.Tiles[1].LeftOut = "no catalogue", []string{"002682_00_1: corrupt"}
	page = report.Tiles(r)
	if n := strings.Count(page, "<details open>"); n != 2 || !strings.Contains(page, "no catalogue") || !strings.Contains(page, "002682_00_1: corrupt") || !strings.Contains(cells(page), "0_1 | failed | 0 |  | NaN loss") {
		t.Errorf("%d open: %s", n, page)
	}
	page = report.Recorded("r1", "s3://b/r1/run.json", []string{"a", "b"}, []string{"one missing"}, nil, nil)
	if !strings.Contains(cells(page), "products | s3://b/r1/ |") || !strings.Contains(page, "one missing") {
		t.Error(page)
	}
}
