package bombs

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/survey"
)

// load reads a document as stages do.
func load[T any](b []byte) error {
	_, err := survey.Load[T](context.Background(), one{b}, "mem://bucket/document.json")
	return err
}

// documents are what stages tell each other.
var documents = map[reflect.Type]func([]byte) error{
	reflect.TypeFor[survey.Plan]():         load[survey.Plan],
	reflect.TypeFor[survey.Batch]():        load[survey.Batch],
	reflect.TypeFor[survey.Tiles]():        load[survey.Tiles],
	reflect.TypeFor[survey.TilePlan]():     load[survey.TilePlan],
	reflect.TypeFor[survey.Prepared]():     load[survey.Prepared],
	reflect.TypeFor[survey.Run]():          load[survey.Run],
	reflect.TypeFor[survey.Outcome]():      load[survey.Outcome],
	reflect.TypeFor[survey.Summary]():      load[survey.Summary],
	reflect.TypeFor[survey.Identity]():     load[survey.Identity],
	reflect.TypeFor[catalog.Report]():      load[catalog.Report],
	reflect.TypeFor[campaign.Selection]():  load[campaign.Selection],
	reflect.TypeFor[manifest.Provenance](): load[manifest.Provenance],
	reflect.TypeFor[manifest.Dropped]():    load[manifest.Dropped],
	reflect.TypeFor[map[string]string]():   func(b []byte) error { _, err := pipeline.Files(string(b)); return err },
}

// lists are the ways to each list and mapping in a type: what comes before its elements, and after.
func lists(t reflect.Type, before, after string, visit func(t reflect.Type, before, after string)) {
	switch t.Kind() {
	case reflect.Pointer:
		lists(t.Elem(), before, after, visit)
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice {
			visit(t, before, after)
		}
		lists(t.Elem(), before+"[", "]"+after, visit)
	case reflect.Map:
		visit(t, before, after)
		lists(t.Elem(), before+`{"1":`, "}"+after, visit)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous && name == "" {
				lists(f.Type, before, after, visit)
				continue
			}
			if name == "" {
				name = f.Name
			}
			if f.IsExported() && name != "-" && len(before) < 300 {
				lists(f.Type, before+`{"`+name+`":`, "}"+after, visit)
			}
		}
	}
}

// TestDocuments fills each list of each document with as many elements as are let
// pass, and with more.
func TestDocuments(t *testing.T) {
	const n, most = mostBytes - 1000, 200_000 + (mostBytes-2000)/20
	var all []bomb
	type kind struct {
		of   reflect.Type // of a list
		size int          // by which its document is bounded
	}
	seen := map[kind]bool{} // documents have many lists of a kind
	for of, eat := range documents {
		size := 16
		lists(of, "", "", func(is reflect.Type, _, _ string) { size = max(size, int(is.Elem().Size())) })
		lists(of, "", "", func(is reflect.Type, before, after string) {
			if seen[kind{is, size}] {
				return
			}
			seen[kind{is, size}] = true
			element := map[reflect.Kind]string{reflect.Struct: "{}", reflect.Map: "{}", reflect.Slice: "[]", reflect.String: `""`, reflect.Bool: "true"}[is.Elem().Kind()]
			if element == "" {
				element = "0"
			}
			if is.Elem().Kind() == reflect.Pointer {
				element = "{}"
			}
			filled := func(count int) func() []byte {
				return func() []byte {
					var b strings.Builder
					b.WriteString(before)
					begin, end := "[", "]"
					if is.Kind() == reflect.Map {
						begin, end = "{", "}"
					}
					b.WriteString(begin)
					for i := range count {
						if is.Kind() == reflect.Map {
							fmt.Fprintf(&b, `"%d":`, i)
						}
						b.WriteString(element)
						if i < count-1 {
							b.WriteByte(',')
						}
						if b.Len() > n-100 {
							break
						}
					}
					b.WriteString(end + after)
					b.WriteString(strings.Repeat(" ", max(0, n-b.Len())))
					return []byte(b.String())
				}
			}
			name := fmt.Sprintf("%s %s%s, %d each", of, before, after, is.Elem().Size())
			all = append(all, bomb{name, filled(most), eat})
			if pass := (64<<20 + 12*n) / (3 * size); pass < most {
				all = append(all, bomb{name + ", as many as pass", filled(pass - 10), eat})
			}
		})
	}
	single := func(list string) func() []byte { // lists of one in a list
		return func() []byte {
			one := `{"` + list + `":[{}]},`
			return []byte(`{"tiles":[` + strings.Repeat(one, (n-50)/len(one)) + `{}]}`)
		}
	}
	all = append(all,
		bomb{"lists of one", single("sub_tiles"), load[survey.Run]},
		bomb{"lists of one catalogue", single("catalogs"), load[survey.Tiles]},
		bomb{"depth", func() []byte { return []byte(`{"tiles":` + strings.Repeat("[", n)) }, load[survey.Run]},
		bomb{"unknown keys", func() []byte { return []byte(`{` + strings.Repeat(`"":{},`, n/6-1) + `"":1}`) }, load[survey.Run]},
		bomb{"a long text", func() []byte { return []byte(`{"run_id":"` + strings.Repeat(`\u0001`, n/6-10) + `"}`) }, load[survey.Run]},
		bomb{"a long number", func() []byte { return []byte(`{"tiles":` + strings.Repeat(`1`, n) + `}`) }, load[survey.Run]},
		bomb{"wrong types", func() []byte { return []byte(`{"tiles":[` + strings.Repeat(`0,`, n/2-10) + `0]}`) }, load[survey.Run]},
		bomb{"no document", func() []byte { return make([]byte, n) }, load[survey.Run]},
	)
	explode(t, all)
}
