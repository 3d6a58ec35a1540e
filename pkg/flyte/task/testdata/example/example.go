// Package example declares the stages of a small made-up pipeline, for tests:
// split a text into pages and lines, count the words of every line, sum up.
package example

import (
	"fmt"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// Settings go through the pipeline as one STRUCT.
type Settings struct {
	Separator string  `json:"separator"`
	Weight    float64 `json:"weight"`
	Depth     int     `json:"depth"`
}

// SplitIn is a text.
type SplitIn struct {
	Text  literal.Blob `flyte:"text,format=txt" doc:"the text"`
	Limit *int64       `flyte:"limit" doc:"pages at most"`
}

// SplitOut is its pages.
type SplitOut struct {
	Pages    []int64  `flyte:"pages"`
	Settings Settings `flyte:"settings"`
}

// Split has only defaults.
var Split = task.Define[SplitIn, SplitOut](task.Declaration{Name: "split", Doc: "Splits a text into pages."})

// CountIn is one line of a page. Mode makes the executable of the tests fail in one way or another.
type CountIn struct {
	Mode     string   `flyte:"mode" doc:"what to do"`
	Line     int64    `flyte:"line" doc:"which line"`
	Skip     []string `flyte:"skip" doc:"words that don't count"`
	Settings Settings `flyte:"settings"`
}

// CountOut is what was counted.
type CountOut struct {
	Report literal.Blob `flyte:"report,format=json" doc:"the counts"`
	Words  int64        `flyte:"words"`
	Note   *string      `flyte:"note"`
}

// CountWords uses everything that a declaration can say.
var CountWords = task.Define[CountIn, CountOut](task.Declaration{
	Name: "count_words", Doc: "Counts the words of a line.",
	Resources:   task.Resources{CPU: "500m", Memory: "256Mi", Storage: "1Gi", GPU: 1},
	Accelerator: "nvidia-l4", PodTemplate: "pool",
	Interruptible: true, Timeout: 10 * time.Minute, Retries: 2,
	CacheVersion: "1", CacheIgnore: []string{"mode"},
	Deck: true, Over: []string{"line"},
	Variants: []task.Variant{{Suffix: "_cpu", Image: "small", Resources: task.Resources{CPU: "2"}}},
})

// FanIn is the pages of a text.
type FanIn struct {
	Pages    []int64  `flyte:"pages"`
	Branch   string   `flyte:"branch"`
	Settings Settings `flyte:"settings"`
}

// PageIn is one page.
type PageIn struct {
	Page     int64    `flyte:"page"`
	Settings Settings `flyte:"settings"`
	Title    *string  `flyte:"title"`
	Skip     []string `flyte:"skip"`
}

// String is the display name of a copy.
func (p PageIn) String() string { return fmt.Sprintf("page %d", p.Page) }

// PageOut is what a page gives: per line, nil where counting failed.
type PageOut struct {
	Reports []*literal.Blob `flyte:"reports,format=json"`
	Lines   []int64         `flyte:"lines"`
}

// FanOut is what all pages give.
type FanOut struct {
	Reports [][]*literal.Blob `flyte:"reports,format=json"`
	Lines   [][]int64         `flyte:"lines"`
}

// FanPages is the dynamic stage.
var FanPages = task.DefineDynamic[FanIn, PageIn, FanOut](task.Declaration{
	Name: "fan_pages", Doc: "Sends every page through its sub-workflow.", Deck: true,
})

// LinesIn is a page.
type LinesIn struct {
	Page     int64    `flyte:"page"`
	Settings Settings `flyte:"settings"`
}

// LinesOut is the indices of its lines.
type LinesOut struct {
	Lines []int64 `flyte:"lines"`
}

// Lines lists the lines of a page.
var Lines = task.Define[LinesIn, LinesOut](task.Declaration{Name: "lines", Doc: "Lists the lines of a page."})

// SumIn is everything that was counted.
type SumIn struct {
	Reports [][]*literal.Blob `flyte:"reports,format=json"`
	Lines   [][]*int64        `flyte:"lines"`
	Some    []*int64          `flyte:"some"`
	Factor  float64           `flyte:"factor"`
}

// SumOut is the sum.
type SumOut struct {
	Total int64         `flyte:"total"`
	Best  *literal.Blob `flyte:"best,format=json"`
}

// Sum sums up.
var Sum = task.Define[SumIn, SumOut](task.Declaration{Name: "sum", Doc: "Sums up.", CacheVersion: "2"})
