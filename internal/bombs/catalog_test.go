package bombs

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/results"
	of "github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// tables is a catalogue with a tile, and how its shear table is read.
func tables(t *testing.T) (dir string, read func(tiles ...int64) error) {
	t.Helper()
	dir = t.TempDir()
	s := of.Catalog{Warehouse: dir, Namespace: "shear", Table: "t"}
	read = func(tiles ...int64) error {
		c, err := catalog.Open(t.Context(), s)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, err := range c.Rows(t.Context(), catalog.Filter{Tiles: tiles}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	c, err := catalog.Open(t.Context(), s)
	if err == nil {
		row := results.Shear{TileID: 102018211, Method: "mock", Status: survey.StatusOK, NSources: 1, G1: new(float32(0.1)), G2: new(float32(0.1)), G1Err: new(float32(1)), Convergence: new(float32(1))}
		_, err = c.Commit(t.Context(), catalog.Batch{RunID: "r", ConfigID: strings.Repeat("a", 64), Shear: []results.Shear{row}})
		err = errors.Join(err, c.Close())
	}
	if err == nil {
		err = read()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, read
}

// number is a number of Avro's.
func number(v int64) []byte { return binary.AppendVarint(nil, v) }

func avroText(s string) []byte { return append(number(int64(len(s))), s...) }

// header is a container's, with the schema that a good one has.
func header(good []byte, codec string) []byte {
	const key = "avro.schema"
	at := bytes.Index(good, []byte(key)) + len(key)
	n, width := binary.Varint(good[at:])
	schema := string(good[at+width : at+width+int(n)])
	all := append([]byte("Obj\x01"), number(3)...)
	for _, s := range []string{key, schema, "avro.codec", codec, "format-version", "2"} {
		all = append(all, avroText(s)...)
	}
	return append(append(all, 0), times(16, "m")...)
}

// record is the only one of a container.
func record(good []byte) []byte {
	mark := good[len(good)-16:]
	at := bytes.Index(good, mark) + 16
	for range 2 {
		_, width := binary.Varint(good[at:])
		at += width
	}
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(good[at : len(good)-16])))
	if err != nil {
		panic(err)
	}
	return data
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func zstandard(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

func block(records int64, data []byte) []byte {
	return bytes.Join([][]byte{number(records), number(int64(len(data))), data, times(16, "m")}, nil)
}

// containers are Avro files that are worse than they look.
func containers(good []byte) map[string]func() []byte {
	const n = mostBytes - 100_000
	avro := func(codec string, blocks ...[]byte) []byte {
		return append(header(good, codec), bytes.Join(blocks, nil)...)
	}
	// The record that is there, as often as blocks may have it.
	one := record(good)
	many := bytes.Repeat(one, (4<<20)/len(one))
	packed := block(int64(len(many)/len(one)), deflated(many))
	return map[string]func() []byte{
		"good records": func() []byte {
			return avro("deflate", bytes.Repeat(packed, min(n/len(packed), 400_000*len(one)/len(many))))
		},
		"texts promised":  func() []byte { return append([]byte("Obj\x01"), number(1<<60)...) },
		"a text promised": func() []byte { return bytes.Join([][]byte{[]byte("Obj\x01"), number(1), number(1 << 40)}, nil) },
		"a long text": func() []byte {
			return bytes.Join([][]byte{[]byte("Obj\x01"), number(1), number(n), make([]byte, n)}, nil)
		},
		"many texts": func() []byte {
			return bytes.Join([][]byte{[]byte("Obj\x01"), bytes.Repeat([]byte("\x02\x00\x00"), n/3)}, nil)
		},
		"a schema, nested": func() []byte {
			return bytes.Join([][]byte{[]byte("Obj\x01"), number(1), avroText("avro.schema"), avroText(strings.Repeat("[", 1_000_000)), {0}, times(16, "m")}, nil)
		},
		"a schema of much": func() []byte {
			s := `{"type":"record","name":"a","fields":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a","type":["null"]},`, 36_000), ",") + "]}"
			return bytes.Join([][]byte{[]byte("Obj\x01"), number(1), avroText("avro.schema"), avroText(s), {0}, times(16, "m")}, nil)
		},
		"records promised": func() []byte { return avro("null", block(1<<60, make([]byte, 100))) },
		"bytes promised":   func() []byte { return avro("null", number(1), number(1<<40), make([]byte, 100)) },
		"zeros":            func() []byte { return avro("null", bytes.Repeat(block(100_000, make([]byte, 4<<20)), 2)) },
		"zeros, all":       func() []byte { return avro("null", block(1<<19, make([]byte, n))) },
		"a text in a record promised": func() []byte {
			return avro("null", block(1, bytes.Join([][]byte{number(1 << 40), make([]byte, 100)}, nil)))
		},
		"deflated":              func() []byte { return avro("deflate", block(100, deflated(make([]byte, 64<<20)))) },
		"deflated, within":      func() []byte { return avro("deflate", block(100_000, deflated(make([]byte, 4<<20)))) },
		"deflated, many blocks": func() []byte { return avro("deflate", bytes.Repeat(block(1, deflated(make([]byte, 4<<20))), 2000)) },
		"deflated, ones": func() []byte {
			return avro("deflate", block(100_000, deflated(times(4<<20, "\x02"))))
		},
		"zstandard": func() []byte { return avro("zstandard", block(100, zstandard(make([]byte, 64<<20)))) },
		"zstandard, many blocks": func() []byte {
			return avro("zstandard", bytes.Repeat(block(1, zstandard(make([]byte, 4<<20))), 10_000))
		},
	}
}

// TestCatalogue puts what others may have written in the place of each file of a table.
func TestCatalogue(t *testing.T) {
	const n = mostBytes - 1000
	dir, read := tables(t)
	at := func(pattern string) (path string, good []byte) {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, "shear", "t", pattern))
		if len(found) == 0 {
			found, err = filepath.Glob(filepath.Join(dir, "shear.t", "t", pattern))
		}
		if len(found) == 0 {
			t.Fatalf("%s: no such file, %v", pattern, err)
		}
		path = found[len(found)-1]
		if good, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		return path, good
	}
	var all []bomb
	add := func(name, path string, good []byte, text func() []byte) {
		var other []int64 // a tile that isn't there: what is listed a thousand times isn't read as often
		if strings.Contains(name, "good") {
			other = append(other, 1)
		}
		all = append(all, bomb{name, text, func(b []byte) error {
			if err := os.WriteFile(path, b, 0o666); err != nil {
				return err
			}
			err := read(other...)
			return errors.Join(os.WriteFile(path, good, 0o666), err)
		}})
	}
	meta, good := at("metadata/*.metadata.json")
	lists := func(key, begin, element, end string) func() []byte {
		return func() []byte {
			head := strings.Replace(string(good), `"`+key+`":`, `"`+key+`":`+begin+strings.Repeat(element+",", (n-len(good))/(len(element)+1)-5)+element+end+`,"x":`, 1)
			return []byte(head)
		}
	}
	for name, text := range map[string]func() []byte{
		"brackets":     func() []byte { return times(n, "[") },
		"braces":       func() []byte { return times(n/5, `{"a":`) },
		"snapshots":    lists("snapshots", "[", "{}", "]"),
		"of numbers":   lists("snapshots", "[", `{"snapshot-id":1,"timestamp-ms":1}`, "]"),
		"of summaries": lists("snapshots", "[", `{"snapshot-id":1,"timestamp-ms":1,"summary":{"operation":"append"}}`, "]"),
		"of manifests": lists("snapshots", `[{"snapshot-id":1,"timestamp-ms":1,"manifests":[`, `""`, "]}]"),
		"schemas":      lists("schemas", "[", `{"type":"struct","fields":[]}`, "]"),
		"fields":       lists("schemas", `[{"type":"struct","fields":[`, `{"id":1,"name":"a","type":"int","required":false}`, "]}]"),
		"empty fields": lists("schemas", `[{"type":"struct","fields":[`, `{}`, "]}]"),
		"properties":   lists("properties", "{", `"a":""`, "}"),
		"specs":        lists("partition-specs", "[", `{"spec-id":0,"fields":[]}`, "]"),
		"orders":       lists("sort-orders", "[", `{"order-id":0,"fields":[]}`, "]"),
		"log":          lists("snapshot-log", "[", `{"snapshot-id":1,"timestamp-ms":1}`, "]"),
		"metadata log": lists("metadata-log", "[", `{"metadata-file":"","timestamp-ms":1}`, "]"),
		"unknown":      lists("refs", `{"main":`, "[]", "}"),
		"a packed text": func() []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, _ = w.Write(make([]byte, 100<<20))
			_ = w.Close()
			return b.Bytes()
		},
	} {
		add("metadata, "+name, meta, good, text)
	}
	list, goodList := at("metadata/snap-*.avro")
	for name, text := range containers(goodList) {
		add("list, "+name, list, goodList, text)
	}
	manifest, goodManifest := at("metadata/[!s]*.avro")
	for name, text := range containers(goodManifest) {
		add("manifest, "+name, manifest, goodManifest, text)
	}
	data, goodData := at("data/*/*.parquet")
	for name, text := range map[string]func() []byte{
		"schema promised": func() []byte { return with(listOf(struct_, 100_000_000), none) },
		"groups promised": func() []byte { return with(listOf(struct_, 1, []byte(root)), listOf(struct_, 100_000_000)) },
		"groups": func() []byte {
			return with(listOf(struct_, 1, []byte(root)), listOf(struct_, n/7, times(n/7, "\x19\x0c\x16\x00\x16\x00"+stop)))
		},
	} {
		add("data, "+name, data, goodData, text)
	}
	explode(t, all)
	if err := read(); err != nil {
		t.Error(fmt.Errorf("what was there isn't read: %w", err))
	}
}
