package shine_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore/s3test"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
)

// TestMain makes the test binary the command that the tests run: whatever
// CONSTELLATION_TEST_SHINE says that it should do.
func TestMain(m *testing.M) {
	if how := os.Getenv("CONSTELLATION_TEST_SHINE"); how != "" {
		os.Exit(command(how))
	}
	os.Exit(s3test.Main(m))
}

// command keeps SHINE's contract, or breaks it in one way.
func command(how string) int {
	args := map[string]string{}
	for i := 1; i+1 < len(os.Args); i += 2 {
		args[os.Args[i]] = os.Args[i+1]
	}
	f, err := os.Open(args["--manifest"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 66
	}
	m, err := manifest.Read(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 65
	}
	config, err := os.ReadFile(args["--config"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 64
	}
	fmt.Printf("config has %d bytes\n", len(config))
	fmt.Fprint(os.Stderr, strings.Repeat("x", 10000), "\n10%\r20%\runfinished")
	shear := []results.Shear{{TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), RA: 1, Dec: 2, G1: new(float32(0.5)), G2: new(float32(0)), NSources: 1, Method: "map", Status: "ok"}}
	var sources []results.Source
	for _, id := range m.Core {
		sources = append(sources, results.Source{TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), ObjectID: id, RA: 1, Dec: 2})
	}
	switch how {
	case "exit 3":
		fmt.Println("\nsomething went wrong")
		return 3
	case "exit 2":
		return 2
	case "exit 69", "exit 70", "exit 73", "exit 75":
		code, _ := strconv.Atoi(how[len("exit "):])
		return code
	case "traceback of memory":
		fmt.Fprintln(os.Stderr, "\nTraceback (most recent call last):\njaxlib._jax.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.\n--------")
		return 1
	case "traceback of import":
		fmt.Fprintln(os.Stderr, "\n/usr/bin/python: Error while finding module specification for 'shine.euclid.run' (ModuleNotFoundError: No module named 'shine.euclid')")
		return 1
	case "traceback":
		fmt.Fprintln(os.Stderr, "\nZeroDivisionError: division by zero")
		return 1
	case "killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "nothing":
		return 0
	case "foreign source":
		sources = append(sources, results.Source{TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), ObjectID: 5})
	case "stubborn", "polite", "leaves a child":
		// A grandchild in the same group tells by its heartbeat file whether it lives.
		beat := exec.Command("sh", "-c", "trap '' TERM; while :; do date > beat; sleep 0.05; done")
		beat.Start()
		if how == "leaves a child" {
			break
		}
		if how == "stubborn" {
			signal.Ignore(syscall.SIGTERM)
		}
		os.WriteFile("started", nil, 0o644)
		time.Sleep(time.Minute)
	}
	for file, write := range map[string]func(*bytes.Buffer) error{
		results.ShearFile:   func(b *bytes.Buffer) error { return results.WriteShear(b, shear) },
		results.SourcesFile: func(b *bytes.Buffer) error { return results.WriteSources(b, sources) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			panic(err)
		}
		data := b.Bytes()
		if how == "corrupt" && file == results.SourcesFile {
			data = data[:len(data)/2]
		}
		if err := os.WriteFile(filepath.Join(args["--output"], file), data, 0o644); err != nil {
			panic(err)
		}
	}
	return 0
}

// centre is the centre of the sub-tile that prepare makes.
func centre() sky.Coord { return square().Centre() }

func square() sky.SubTile {
	grid := sky.Grid{Rows: 4, Cols: 4, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
	return grid.SubTiles(sky.Tile{ID: 102018211, Centre: sky.Coord{RA: 0.05, Dec: -70}})[9]
}

// prepare makes a sub-tile directory with a real catalogue; change edits the manifest.
func prepare(t *testing.T, change func(*manifest.Manifest)) string {
	t.Helper()
	dir := t.TempDir()
	s := square()
	m := &manifest.Manifest{
		TileID: s.Tile.ID, Row: s.Row, Col: s.Col, Catalog: manifest.CatalogFile, FormatVersion: manifest.FormatVersion,
		Quadrants: []manifest.Quadrant{{SCI: "exposures/a.fits", RMS: "exposures/a.fits", FLG: "exposures/a.fits", BKG: "exposures/a.fits", PSF: "psf/a.fits", Quadrant: "3-4.F", Obs: "002704", Dither: "00", CCD: "1"}},
	}
	m.Centre = [2]float64{centre().RA, centre().Dec}
	cols := []fits.Column{{Name: "object_id", Format: "K"}, {Name: "right_ascension", Format: "D", Unit: "deg"}, {Name: "declination", Format: "D", Unit: "deg"}}
	size, err := fits.Layout(cols)
	if err != nil {
		t.Fatal(err)
	}
	var rows []byte
	for i := range 20 {
		row := make([]byte, size)
		id := int64(-529000000281000000) + int64(i)
		cols[0].PutInt(row, id)
		cols[1].PutFloat(row, centre().RA+float64(i)*1e-4)
		cols[2].PutFloat(row, centre().Dec)
		rows = append(rows, row...)
		m.Sources = append(m.Sources, id)
		if i < 12 {
			m.Core = append(m.Core, id)
		}
	}
	slices.Reverse(m.Core)
	var cat bytes.Buffer
	if err := fits.WriteHDU(&cat, fits.NewPrimary(), nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := fits.WriteHDU(&cat, fits.NewTable(cols, 20), bytes.NewReader(rows), int64(len(rows))); err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{manifest.CatalogFile: cat.Bytes(), "exposures/a.fits": []byte("pixels"), "psf/a.fits": []byte("psf")} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		m.Files = append(m.Files, manifest.Product{Path: file, Size: int64(len(data))})
	}
	if change != nil {
		change(m)
	}
	f, err := os.Create(filepath.Join(dir, manifest.Local))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := manifest.Write(f, m); err != nil {
		t.Fatal(err)
	}
	return dir
}
