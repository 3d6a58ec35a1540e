package s3serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
)

// copyLimit is S3's own. The gateway's documented default of the same size is not in effect.
const copyLimit = 5 << 30

// open makes the back end. What a file can't hold, such as ETags, is kept in
// extended attributes where the file system has them, else in files beside dir.
func open(dir string) (backend.Backend, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	has, err := hasAttributes(dir)
	switch {
	case err != nil:
		return nil, err
	case has:
		return posix.New(dir, dropped{meta.XattrMeta{}}, posix.PosixOpts{CopyObjectThreshold: copyLimit})
	}
	return openBeside(dir)
}

// hasAttributes finds out by trying: a file system may know extended
// attributes and still refuse users' ones.
func hasAttributes(dir string) (bool, error) {
	probe, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return false, err
	}
	refused := meta.XattrMeta{}.StoreAttribute(probe, "", "", "probe", []byte("x"))
	probe.Close()
	return refused == nil, os.Remove(probe.Name())
}

// openBeside keeps metadata in a hidden directory next to dir: the gateway
// wants it outside, and not even its path to begin with that of dir.
func openBeside(dir string) (backend.Backend, error) {
	beside := filepath.Join(filepath.Dir(dir), ".s3meta-"+filepath.Base(dir))
	if err := os.MkdirAll(beside, 0o777); err != nil {
		return nil, err
	}
	files, err := meta.NewSideCar(beside)
	if err != nil {
		return nil, err
	}
	return posix.New(dir, dropped{files}, posix.PosixOpts{CopyObjectThreshold: copyLimit, SideCarDir: beside})
}

// dropped gives an ETag to files that did not come by S3, made of size and
// modification time, so that reads of them can be conditional as well.
type dropped struct{ meta.MetadataStorer }

func (d dropped) RetrieveAttribute(f *os.File, bucket, object, attribute string) ([]byte, error) {
	value, err := d.MetadataStorer.RetrieveAttribute(f, bucket, object, attribute)
	if attribute != "etag" || object == "" || err == nil || !errors.Is(err, meta.ErrNoSuchKey) {
		return value, err
	}
	var info fs.FileInfo
	var statErr error
	if f != nil {
		info, statErr = f.Stat()
	} else {
		info, statErr = os.Stat(filepath.Join(bucket, object)) // relative to the root, as all of the gateway's paths
	}
	if statErr != nil || !info.Mode().IsRegular() {
		return value, err
	}
	return fmt.Appendf(nil, `"%x-%x"`, info.Size(), info.ModTime().UnixNano()), nil
}

// public is a store whose every bucket says that everybody may list and read it.
type public struct{ backend.Backend }

func (p public) GetBucketPolicy(ctx context.Context, bucket string) ([]byte, error) {
	// The store's own answer, if only to learn that there is no such bucket.
	if policy, err := p.Backend.GetBucketPolicy(ctx, bucket); err == nil && len(policy) > 0 {
		return policy, nil
	}
	return fmt.Appendf(nil, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
		"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::%[1]s", "arn:aws:s3:::%[1]s/*"]}]}`, bucket), nil
}
