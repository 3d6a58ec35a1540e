// Package stages declares the tiny stages of the engine's scenarios. What a
// stage does is told by its input "do", a word and perhaps a number:
//
//	ok             y is ten times x
//	bad            a user's error without retry
//	busy:N         a passing error in attempts before the Nth
//	bug            a panic
//	turns:N        killed and busy by turns in attempts before the Nth
//	exit:N         exits with N at once
//	killed:N       SIGKILL to itself in attempts before the Nth
//	hang:N         waits to be ended from outside in attempts before the Nth
//	switch:NAME    a user's error until an object of that name lies under place
//	silent         exits with 0 and writes nothing
//	partial        writes outputs.pb without y
//	mistyped       writes outputs.pb with a string for y, which is an integer
//	error-exit     writes error.pb (a user's, without retry) and exits with 1
//	system:N       error.pb, recoverable and of the system, in attempts before the Nth
//	error-futures  writes error.pb and futures.pb and exits with 0
//	no-nodes       writes futures.pb without nodes
//	error          of a dynamic task's tile: the task writes error.pb beside futures.pb; the tile does ok
package stages

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// WorkIn is one piece of work.
type WorkIn struct {
	Do    string `flyte:"do"`
	X     int64  `flyte:"x"`
	Place string `flyte:"place" doc:"prefix under which switches lie"`
}

// WorkOut is what it gave.
type WorkOut struct {
	Y int64 `flyte:"y"`
}

// Work is the stage that most scenarios are about.
var Work = task.Define[WorkIn, WorkOut](task.Declaration{
	Name: "scenario_work", Doc: "Does as it is told.", Retries: 2, Over: []string{"do", "x"},
})

// KeepIn is work whose result is cached. Salt makes the keys of one run of the
// suite its own.
type KeepIn struct {
	Do    string `flyte:"do"`
	X     int64  `flyte:"x"`
	Place string `flyte:"place"`
	Salt  string `flyte:"salt"`
	Note  string `flyte:"note" doc:"plays no part in the cache key"`
}

// Keep is Work with a cache.
var Keep = task.Define[KeepIn, WorkOut](task.Declaration{
	Name: "scenario_keep", Doc: "Does as it is told, once for the same inputs.",
	Over: []string{"do", "x"}, CacheVersion: "1", CacheIgnore: []string{"note"},
})

// SumIn is a list with holes.
type SumIn struct {
	Xs []*int64 `flyte:"xs"`
}

// KeepFanIn is a list of tiles.
type KeepFanIn struct {
	Xs    []int64 `flyte:"xs"`
	Place string  `flyte:"place"`
	Salt  string  `flyte:"salt"`
}

// KeepFan is Fan with a cache.
var KeepFan = task.DefineDynamic[KeepFanIn, TileIn, FanOut](task.Declaration{
	Name: "scenario_keep_fan", Doc: "Multiplies a workflow by its tiles, once for the same inputs.", CacheVersion: "1",
})

// WriteIn is where to write.
type WriteIn struct {
	Place string `flyte:"place"`
	Salt  string `flyte:"salt"`
}

// WriteOut is a file.
type WriteOut struct {
	File literal.Blob `flyte:"file"`
}

// Write leaves a file under place.
var Write = task.Define[WriteIn, WriteOut](task.Declaration{Name: "scenario_write", Doc: "Writes a file, once for the same inputs.", CacheVersion: "1"})

// ReadIn is a file.
type ReadIn struct {
	File literal.Blob `flyte:"file"`
}

// Read takes the file's size.
var Read = task.Define[ReadIn, WorkOut](task.Declaration{Name: "scenario_read", Doc: "Reads a file."})

// Sum adds up; a hole counts a million.
var Sum = task.Define[SumIn, WorkOut](task.Declaration{Name: "scenario_sum", Doc: "Adds up, a million for each hole."})

// SplitIn is a tile.
type SplitIn struct {
	X  int64  `flyte:"x"`
	Do string `flyte:"do"`
}

// SplitOut is two pieces of work.
type SplitOut struct {
	Xs  []int64  `flyte:"xs"`
	Dos []string `flyte:"dos"`
}

// Split makes two pieces of work of a tile: the first is fine, the second does as told.
var Split = task.Define[SplitIn, SplitOut](task.Declaration{Name: "scenario_split", Doc: "Makes two pieces of work of one."})

// FanIn is a list of tiles.
type FanIn struct {
	Xs     []int64  `flyte:"xs"`
	Dos    []string `flyte:"dos" doc:"per tile; where there are fewer: ok"`
	Place  string   `flyte:"place"`
	Branch string   `flyte:"branch"`
}

// TileIn is one of them.
type TileIn struct {
	X     int64  `flyte:"x"`
	Do    string `flyte:"do"`
	Place string `flyte:"place"`
}

// FanOut is what each gave.
type FanOut struct {
	Y []int64 `flyte:"y"`
}

// Fan sends each tile through a workflow.
var Fan = task.DefineDynamic[FanIn, TileIn, FanOut](task.Declaration{Name: "scenario_fan", Doc: "Multiplies a workflow by its tiles."})

// BatchesIn is a list of tiles and how many go together.
type BatchesIn struct {
	Xs     []int64  `flyte:"xs"`
	Dos    []string `flyte:"dos"`
	Place  string   `flyte:"place"`
	Size   int64    `flyte:"size"`
	Branch string   `flyte:"branch"`
}

// BatchOut is what the tiles of a batch gave together.
type BatchOut struct {
	Total int64 `flyte:"total"`
}

// BatchesOut is what each batch gave.
type BatchesOut struct {
	Total []int64 `flyte:"total"`
}

// Batches sends batches of tiles through a workflow that fans them out.
var Batches = task.DefineDynamic[BatchesIn, FanIn, BatchesOut](task.Declaration{Name: "scenario_batches", Doc: "Multiplies a workflow by batches of tiles."})
