package spec

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"slices"

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
	for _, b := range bundles {
		for _, t := range b.Tasks {
			if err := add("0_"+t.GetTemplate().GetId().GetName()+"_1.pb", t); err != nil {
				return nil, err
			}
		}
		if err := add("1_"+b.Workflow.GetTemplate().GetId().GetName()+"_2.pb", b.Workflow); err != nil {
			return nil, err
		}
		for _, p := range b.Plans {
			if err := add("2_"+p.GetId().GetName()+"_3.pb", p); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}
