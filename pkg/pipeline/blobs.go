package pipeline

import "github.com/cosmostat/constellation/pkg/flyte/literal"

// Places returns where blobs lie.
func Places(blobs []literal.Blob) []string {
	uris := make([]string, len(blobs))
	for i, b := range blobs {
		uris[i] = b.URI
	}
	return uris
}

// URIs returns where blobs lie; an element that failed has none.
func URIs(blobs []*literal.Blob) []string {
	uris := make([]string, len(blobs))
	for i, b := range blobs {
		if b != nil {
			uris[i] = b.URI
		}
	}
	return uris
}
