package workflows

import "github.com/cosmostat/constellation/pkg/flyte/spec"

// Build writes the protos of every workflow of the suite.
func Build(s Settings, o spec.Options) ([]*spec.Bundle, error) {
	preparation, err := DataPreparation(s).Build(o)
	if err != nil {
		return nil, err
	}
	shear, err := Shear(s).Build(o)
	if err != nil {
		return nil, err
	}
	return []*spec.Bundle{preparation, shear}, nil
}
