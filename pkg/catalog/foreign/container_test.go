package foreign

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// avro is a container of a block, in a schema.
func avro(codec, schema string, records int64, data []byte) []byte {
	number := func(v int64) []byte { return binary.AppendVarint(nil, v) }
	text := func(s string) []byte { return append(number(int64(len(s))), s...) }
	mark := bytes.Repeat([]byte("m"), markSize)
	return bytes.Join([][]byte{
		avroMagic, number(2), text("avro.schema"), text(schema), text("avro.codec"), text(codec), {0}, mark,
		number(records), number(int64(len(data))), data, mark,
	}, nil)
}

func packed(codec string, data []byte) []byte {
	var b bytes.Buffer
	switch codec {
	case "deflate":
		w, _ := flate.NewWriter(&b, 9)
		_, _ = w.Write(data)
		_ = w.Close()
	case "zstandard":
		w, _ := zstd.NewWriter(nil)
		return w.EncodeAll(data, nil)
	case "snappy":
		return append(snappy.Encode(nil, data), 0, 0, 0, 0)
	default:
		return data
	}
	return b.Bytes()
}

// Each value of Avro's is stepped over, whatever pieces the container comes in.
func TestContainer(t *testing.T) {
	const schema = `{"type":"record","name":"r","namespace":"n","fields":[
		{"name":"a","type":["null",{"type":"array","items":{"type":"record","name":"kv","fields":[{"name":"key","type":"int"},{"name":"value","type":"bytes"}]}}]},
		{"name":"b","type":["null","kv"]},{"name":"c","type":{"type":"map","values":"long"}},{"name":"d","type":{"type":"fixed","name":"f","size":3}},
		{"name":"e","type":{"type":"string"}},{"name":"g","type":"double"},{"name":"h","type":"float"},{"name":"i","type":"boolean"},
		{"name":"j","type":{"type":"enum","name":"en","symbols":["x"]}},{"name":"k","type":"n.f"}]}`
	const list = `{"type":"record","name":"manifest_file","fields":[{"name":"manifest_path","type":"string"}]}`
	lists := "\x02" + "\x02\x02\x04ab\x00" + "\x02\x04\x04ab"                                      // an array of one, a record
	counted := "\x02" + "\x01\x08\x02\x04ab\x00" + "\x00"                                          // with its length, and null
	rest := "\x02\x02k\x06\x00" + "xyz" + "\x04st" + "12345678" + "1234" + "\x01" + "\x00" + "xyz" // a map of one, and all else
	two := []byte(lists + rest + counted + rest)
	parts := "\x02" + strings.Repeat("\x02\x02\x00", 101) + "\x00"
	for name, c := range map[string]struct {
		raw  []byte
		says string
	}{
		"plain":         {avro("null", schema, 2, two), ""},
		"deflate":       {avro("deflate", schema, 2, packed("deflate", two)), ""},
		"zstandard":     {avro("zstandard", schema, 2, packed("zstandard", two)), ""},
		"snappy":        {avro("snappy", schema, 2, packed("snappy", two)), ""},
		"no container":  {[]byte("PAR1 and so on"), ""},
		"too many":      {avro("null", schema, 1, two), "bytes behind its 1 records"},
		"too few":       {avro("null", schema, 3, two), "ends before"},
		"promised":      {avro("null", schema, 1<<60, two), "records, which is more"},
		"negative":      {avro("null", schema, -1, two), "records, which is more"},
		"no codec":      {avro("bzip2", schema, 2, two), "none that tables have"},
		"no deflate":    {avro("deflate", schema, 2, []byte("xxxx")), `4 bytes in "deflate"`},
		"much":          {avro("deflate", schema, 2, packed("deflate", make([]byte, maxBlock+1))), "once it is unpacked"},
		"much, zstd":    {avro("zstandard", schema, 2, packed("zstandard", make([]byte, maxBlock+1))), "once it is unpacked"},
		"much, snappy":  {avro("snappy", schema, 2, packed("snappy", make([]byte, maxBlock+1))), "once it is unpacked"},
		"many parts":    {avro("null", schema, 1, []byte(parts)), "in more than 100 parts"},
		"many elements": {avro("null", schema, 1, append([]byte("\x02"), binary.AppendVarint(nil, 1<<40)...)), "more than 100000 elements"},
		"other schema":  {avro("null", `{"type":"record","name":"r","fields":[{"name":"a","type":"word"}]}`, 1, []byte("x")), `a type "word"`},
		"listed once":   {avro("null", list, 2, []byte("\x02a\x02b")), ""},
		"listed twice":  {avro("null", list, 3, []byte("\x02a\x02b\x02a")), `lists "a" twice`},
		"no schema":     {avro("null", `[[[`, 1, []byte("x")), "unexpected end"},
		"recursive":     {avro("null", `{"type":"record","name":"r","fields":[{"name":"a","type":"r"}]}`, 1, []byte("x")), "nests deeper"},
		"deep":          {avro("null", strings.Repeat(`{"type":`, 40)+`"int"`+strings.Repeat("}", 40), 1, []byte("\x00")), "nests deeper"},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			var look container
			var err error
			for at := 0; at < len(c.raw) && err == nil; at += step {
				err = look.look(c.raw[at:min(at+step, len(c.raw))])
			}
			wrong := foreignError{}
			switch {
			case c.says == "" && err != nil, c.says != "" && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(wrong.at, "byte ")):
				t.Errorf("%s, in steps of %d: %v", name, step, err)
			}
		}
	}
}
