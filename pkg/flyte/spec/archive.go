package spec

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// WriteArchive writes what `flytectl register files --archive` takes: a .tgz of
// one serialized message per file. flytectl registers in the order of the names
// and learns the kind from their end: tasks first (_1.pb), then workflows (_2.pb),
// then launch plans (_3.pb). What several bundles share is written once. The
// same bundles give the same bytes.
func WriteArchive(w io.Writer, bundles ...*Bundle) error {
	files, err := messages(bundles)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(files[name])
		if err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(raw)), Format: tar.FormatUSTAR}); err != nil {
			return fmt.Errorf("archive %s: %w", name, err)
		}
		if _, err := t.Write(raw); err != nil {
			return fmt.Errorf("archive %s: %w", name, err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// messages names the files of an archive. Two different things of one name
// can't be registered under one version.
func messages(bundles []*Bundle) (map[string]proto.Message, error) {
	files := map[string]proto.Message{}
	add := func(name string, m proto.Message) error {
		if other := files[name]; other != nil && !proto.Equal(other, m) {
			return fmt.Errorf("%s differs between workflows, and one version can hold only one of it: "+
				"give a dynamic task the same branches in all of them", name)
		}
		files[name] = m
		return nil
	}
	levels, err := levels(bundles)
	if err != nil {
		return nil, err
	}
	// Names sort as their numbers do only if these are equally long.
	width := len(strconv.Itoa(2*slices.Max(append(slices.Collect(maps.Values(levels)), 0)) + 2))
	name := func(step int, id *core.Identifier, suffix string) string {
		return fmt.Sprintf("%0*d_%s%s", width, step, id.GetName(), suffix)
	}
	for _, b := range bundles {
		for _, t := range b.Tasks {
			if err := add(name(0, t.GetTemplate().GetId(), "_1.pb"), t); err != nil {
				return nil, err
			}
		}
		if err := add(name(2*levels[b]+1, b.Workflow.GetTemplate().GetId(), "_2.pb"), b.Workflow); err != nil {
			return nil, err
		}
		for _, p := range b.Plans {
			if err := add(name(2*levels[b]+2, p.GetId(), "_3.pb"), p); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}
