package extract

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc64"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// product is a file of a sub-tile's directory while it is written.
type product struct {
	uri, path string            // path is relative to the directory
	of        euclid.ExposureID // none of the catalogue
	sources   []euclid.File     // likewise: what it is copied from
	upload    objstore.Upload
	sum       hash.Hash
	size      int64
	done      manifest.Product // once it is committed
	etag      string           // likewise; empty where the store assembled it
}

func newProduct(uri, path string) *product { return &product{uri: uri, path: path} }

// newSum is the checksum that the job's manifests have: SHA-256, or where a
// store may make products by itself, the one that it then says, for all of them.
func (job Job) newSum() hash.Hash {
	if job.Copy == settings.CopyStream {
		return sha256.New()
	}
	const nvme = 0x9a6c9329ac4bc9b5 // reversed
	return crc64.New(crc64.MakeTable(nvme))
}

func (p *product) open(ctx context.Context, job Job) (err error) {
	p.sum, p.size = job.newSum(), 0
	p.upload, err = job.Dest.Create(ctx, p.uri)
	return err
}

func (p *product) Write(b []byte) (int, error) {
	n, err := p.upload.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	return n, err
}

func (p *product) commit() error {
	info, err := p.upload.Commit()
	if err != nil {
		return err
	}
	p.etag = info.ETag
	p.done = manifest.Product{Path: p.path, Size: p.size}
	if sum := p.sum.Sum(nil); p.sum.Size() == sha256.Size {
		p.done.SHA256 = hex.EncodeToString(sum)
	} else {
		p.done.CRC64NVME = base64.StdEncoding.EncodeToString(sum)
	}
	return nil
}

// abort does nothing to a product that is committed or was never opened.
func (p *product) abort() {
	if p.upload != nil {
		p.upload.Abort()
	}
}
