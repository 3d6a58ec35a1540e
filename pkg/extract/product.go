package extract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// product is a file of a sub-tile's directory while it is written.
type product struct {
	uri, path string // path is relative to the directory
	upload    objstore.Upload
	sum       hash.Hash
	size      int64
	done      manifest.Product // once it is committed
}

func newProduct(uri, path string) *product { return &product{uri: uri, path: path} }

func (p *product) open(ctx context.Context, w objstore.Writer) (err error) {
	p.sum, p.size = sha256.New(), 0
	p.upload, err = w.Create(ctx, p.uri)
	return err
}

func (p *product) Write(b []byte) (int, error) {
	n, err := p.upload.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	return n, err
}

func (p *product) commit() error {
	if _, err := p.upload.Commit(); err != nil {
		return err
	}
	p.done = manifest.Product{Path: p.path, Size: p.size, SHA256: hex.EncodeToString(p.sum.Sum(nil))}
	return nil
}

// abort does nothing to a product that is committed or was never opened.
func (p *product) abort() {
	if p.upload != nil {
		p.upload.Abort()
	}
}
