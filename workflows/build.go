package workflows

import "github.com/cosmostat/constellation/pkg/flyte/spec"

// Children writes the protos of the workflows that others launch.
func Children(o spec.Options) ([]*spec.Bundle, error) {
	return bundles(o, PreparationBatch().Build, ShearBatch().Build)
}

// Build writes the protos of every workflow of the suite, those that others
// launch before these.
func Build(s Settings, o spec.Options) ([]*spec.Bundle, error) {
	return bundles(o, PreparationBatch().Build, ShearBatch().Build, DataPreparation(s).Build, Shear(s).Build, Campaign(s).Build, Upkeep(s).Build)
}

func bundles(o spec.Options, builds ...func(spec.Options) (*spec.Bundle, error)) ([]*spec.Bundle, error) {
	var all []*spec.Bundle
	for _, build := range builds {
		b, err := build(o)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
