package objstore_test

import (
	"context"
	"fmt"
	"io"

	"github.com/cosmostat/constellation/pkg/objstore"
)

func Example() {
	ctx := context.Background()
	store := objstore.NewMemory() // or objstore.Open(ctx, objstore.Config{}) for s3:// URIs and files
	base := "mem://bucket/run"

	info, err := objstore.WriteFile(ctx, store, objstore.Join(base, "102018211", "catalog.fits"), []byte("SIMPLE  =                    T"))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Pinned to the ETag: were the object replaced meanwhile, this would fail.
	body, err := store.Get(ctx, info.URI, info.ETag, objstore.Range{Offset: 0, Length: 6})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	word, err := io.ReadAll(body)
	fmt.Printf("%s %v\n", word, err)

	_, err = store.Stat(ctx, objstore.Join(base, "manifest.yaml"))
	fmt.Println(err, objstore.IsNotFound(err))
	// Output:
	// SIMPLE <nil>
	// mem://bucket/run/manifest.yaml: no such object true
}
