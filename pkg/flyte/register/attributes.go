package register

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

// resourceAttributes are the limits that the project needs: what the hungriest
// task asks for. FlyteAdmin refuses to register a task that asks for more than
// its project may have. They replace the cluster's own as a whole, so defaults
// for tasks that ask for nothing are there too.
func resourceAttributes(bundles []*spec.Bundle) (map[string]any, error) {
	least, most := map[string]any{}, map[string]any{}
	keep := func(m map[string]any, name, value string, better func(int) bool) error {
		v, err := quantity(value)
		if err != nil {
			return err
		}
		if old, ok := m[name].(string); ok {
			o, err := quantity(old)
			if err != nil || !better(v.Cmp(o)) {
				return err
			}
		}
		m[name] = value
		return nil
	}
	for _, b := range bundles {
		for _, t := range b.Tasks {
			for _, r := range t.GetTemplate().GetContainer().GetResources().GetLimits() {
				name := strings.ToLower(r.GetName().String())
				if err := keep(most, name, r.GetValue(), func(c int) bool { return c > 0 }); err != nil {
					return nil, fmt.Errorf("task %s: %s: %w", t.GetTemplate().GetId().GetName(), name, err)
				}
				if r.GetName() != core.Resources_CPU && r.GetName() != core.Resources_MEMORY {
					continue
				}
				if err := keep(least, name, r.GetValue(), func(c int) bool { return c < 0 }); err != nil {
					return nil, err
				}
			}
		}
	}
	return map[string]any{"defaults": least, "limits": most}, nil
}

var quantityRE = regexp.MustCompile(`^([0-9.]+)(m|k|[KMGTP]i|[MGTP])?$`)

// quantity reads a Kubernetes quantity as an exact number.
func quantity(text string) (*big.Rat, error) {
	m := quantityRE.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%q is no quantity", text)
	}
	v, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return nil, fmt.Errorf("%q is no quantity", text)
	}
	unit := big.NewRat(1, 1)
	if m[2] == "m" {
		unit = big.NewRat(1, 1000)
	} else if m[2] != "" {
		base := int64(1000)
		if strings.HasSuffix(m[2], "i") {
			base = 1024
		}
		for range strings.IndexByte("KMGTP", strings.ToUpper(m[2])[0]) + 1 {
			unit.Mul(unit, big.NewRat(base, 1))
		}
	}
	return v.Mul(v, unit), nil
}

// executionConfig is what holds for every execution of the project, whatever
// launch plan it comes from: those of single tasks too.
func executionConfig(s spec.PlanSettings) map[string]any {
	m := map[string]any{}
	if s.MaxParallelism > 0 {
		m["max_parallelism"] = s.MaxParallelism
	}
	runAs := map[string]any{}
	if s.ServiceAccount != "" {
		runAs["k8s_service_account"] = s.ServiceAccount
	}
	if s.IAMRole != "" {
		runAs["iam_role"] = s.IAMRole
	}
	if len(runAs) > 0 {
		m["security_context"] = map[string]any{"run_as": runAs}
	}
	if s.RawOutputPrefix != "" {
		m["raw_output_data_config"] = map[string]any{"output_location_prefix": s.RawOutputPrefix}
	}
	if len(s.Labels) > 0 {
		m["labels"] = map[string]any{"values": anyMap(s.Labels)}
	}
	if len(s.Annotations) > 0 {
		m["annotations"] = map[string]any{"values": anyMap(s.Annotations)}
	}
	return m
}

func anyMap(m map[string]string) map[string]any {
	a := map[string]any{}
	for k, v := range m {
		a[k] = v
	}
	return a
}
