// Package catalogtest gives tests real catalogues of each kind: SQLite always,
// PostgreSQL, an Iceberg REST server and AWS Glue where their programs are there.
package catalogtest

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/gluetest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
)

// kind is a kind of catalogue; uri makes an empty one for a local warehouse.
type kind struct {
	name string
	uri  func(t testing.TB, warehouse string) string
}

var (
	databases = []kind{
		{"SQLite", func(t testing.TB, _ string) string { return "sqlite://" + filepath.Join(t.TempDir(), "catalog.db") }},
		{"PostgreSQL", func(t testing.TB, _ string) string { return Postgres(t) }},
	}
	services = []kind{
		{"REST", REST},
		{"Glue", func(t testing.TB, _ string) string { return "glue://" + gluetest.Start(t).Region }},
	}
)

// Each runs a test on an empty catalogue of each kind, with a local warehouse.
// Kinds whose programs are missing are skipped, aloud.
func Each(t *testing.T, test func(t *testing.T, s settings.Catalog)) {
	on(t, slices.Concat(databases, services), test)
}

// Databases is [Each] without those that are asked over HTTP, for tests that take
// long and are about files, which are the same everywhere.
func Databases(t *testing.T, test func(t *testing.T, s settings.Catalog)) { on(t, databases, test) }

func on(t *testing.T, kinds []kind, test func(t *testing.T, s settings.Catalog)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			warehouse := t.TempDir()
			test(t, settings.Catalog{Warehouse: warehouse, URI: k.uri(t, warehouse), Namespace: "shear", Table: "edff_shear"})
		})
	}
}

// Open opens a catalogue until the test ends.
func Open(t testing.TB, s settings.Catalog) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
