package commits

import (
	"maps"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// propRelease is the key, but for the configuration, of the release of the MER
// products that its rows are of. The tables hold it, since they are what all
// writers of a configuration share, wherever their runs keep their products.
const propRelease = "constellation.release."

// noRelease is what stands for products whose names have no release.
const noRelease = "-"

// heldRelease refuses a release that is not the one of a configuration's rows.
func heldRelease(t *table.Table, configID, release string) error {
	held, is := t.Properties()[propRelease+configID]
	if !is || release == "" || settings.CompareReleases(plainRelease(held), plainRelease(release)) == 0 {
		return nil
	}
	return fault.Input(CodeRelease, "the rows of this configuration are of release %q of the MER products, these are of %q", held, release).
		On(t.Location()).At("%s", propRelease+configID).
		Fix("go on with those (use the output.storage_base_uri whose runs began it), or name the release in data.release, which makes a configuration of its own")
}

func plainRelease(r string) string {
	if r == noRelease {
		return ""
	}
	return r
}

// remember has a table hold the batch's release from the first rows of its
// configuration on, beside what else is to be set.
func (b *Batch) remember(t *table.Table, set iceberg.Properties) iceberg.Properties {
	key := propRelease + b.ConfigID
	if _, is := t.Properties()[key]; is || b.Release == "" {
		return set
	}
	with := iceberg.Properties{key: b.Release}
	maps.Copy(with, set)
	return with
}
