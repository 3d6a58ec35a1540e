package spec

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// PlanSettings are what a launch plan says about the executions it starts.
// Whoever launches may override them. Zero values leave the cluster's.
type PlanSettings struct {
	Schedule      Schedule
	Notifications []Notification

	Labels      map[string]string // of the execution and its pods
	Annotations map[string]string
	Env         map[string]string // of every container

	MaxParallelism  int    // nodes that run at once; a map counts as one
	ServiceAccount  string // Kubernetes service account of the pods
	IAMRole         string // cloud role of the pods, where the cluster grants one by name
	RawOutputPrefix string // URI under which tasks write their blobs
	OverwriteCache  bool   // run everything, and replace what the cache holds
	Interruptible   *bool  // whether nodes that don't say may run on spot machines
}

// under fills in what s leaves open. Maps are joined, notifications follow.
func (s PlanSettings) under(o PlanSettings) PlanSettings {
	if s.Schedule == (Schedule{}) {
		s.Schedule = o.Schedule
	}
	s.Notifications = slices.Concat(s.Notifications, o.Notifications)
	join := func(mine, other map[string]string) map[string]string {
		all := maps.Clone(other)
		if all == nil {
			return mine
		}
		maps.Copy(all, mine)
		return all
	}
	s.Labels, s.Annotations, s.Env = join(s.Labels, o.Labels), join(s.Annotations, o.Annotations), join(s.Env, o.Env)
	if s.MaxParallelism == 0 {
		s.MaxParallelism = o.MaxParallelism
	}
	if s.ServiceAccount == "" {
		s.ServiceAccount = o.ServiceAccount
	}
	if s.IAMRole == "" {
		s.IAMRole = o.IAMRole
	}
	if s.RawOutputPrefix == "" {
		s.RawOutputPrefix = o.RawOutputPrefix
	}
	if s.Interruptible == nil {
		s.Interruptible = o.Interruptible
	}
	s.OverwriteCache = s.OverwriteCache || o.OverwriteCache
	return s
}

// Kubernetes' own rules of label keys and values.
var (
	qualifiedRE = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	labelRE     = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
	accountRE   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	envRE       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	prefixRE    = regexp.MustCompile(`^[a-z][a-z0-9]*://[^/]+`)
)

// check finds everything that is wrong with the settings.
func (s PlanSettings) check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		if !qualifiedRE.MatchString(k) || !labelRE.MatchString(s.Labels[k]) {
			bad("label %s=%s: Kubernetes takes up to 63 letters, digits, dashes, dots and underscores", k, s.Labels[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Annotations)) {
		if !qualifiedRE.MatchString(strings.ToLower(k)) {
			bad("annotation %q: the key is no Kubernetes name", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Env)) {
		if !envRE.MatchString(k) {
			bad("environment variable %q: use letters, digits and underscores", k)
		}
	}
	if s.MaxParallelism < 0 {
		bad("MaxParallelism is %d: 0 leaves it to the cluster", s.MaxParallelism)
	}
	if s.ServiceAccount != "" && !accountRE.MatchString(s.ServiceAccount) {
		bad("service account %q is no Kubernetes name", s.ServiceAccount)
	}
	if s.RawOutputPrefix != "" && !prefixRE.MatchString(s.RawOutputPrefix) {
		bad("raw output prefix %q is no URI such as s3://bucket/prefix", s.RawOutputPrefix)
	}
	for _, n := range s.Notifications {
		if err := n.check(); err != nil {
			errs = append(errs, err)
		}
	}
	if err := s.Schedule.check(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// apply writes the settings into a launch plan.
func (s PlanSettings) apply(p *admin.LaunchPlanSpec) {
	p.EntityMetadata.Schedule = s.Schedule.proto()
	for _, n := range s.Notifications {
		p.EntityMetadata.Notifications = append(p.EntityMetadata.Notifications, n.proto())
	}
	if len(s.Labels) > 0 {
		p.Labels = &admin.Labels{Values: s.Labels}
	}
	if len(s.Annotations) > 0 {
		p.Annotations = &admin.Annotations{Values: s.Annotations}
	}
	if len(s.Env) > 0 {
		p.Envs = &admin.Envs{}
		for _, k := range slices.Sorted(maps.Keys(s.Env)) {
			p.Envs.Values = append(p.Envs.Values, &core.KeyValuePair{Key: k, Value: s.Env[k]})
		}
	}
	p.MaxParallelism = int32(s.MaxParallelism)
	if s.ServiceAccount != "" || s.IAMRole != "" {
		p.SecurityContext = &core.SecurityContext{RunAs: &core.Identity{K8SServiceAccount: s.ServiceAccount, IamRole: s.IAMRole}}
	}
	if s.RawOutputPrefix != "" {
		p.RawOutputDataConfig = &admin.RawOutputDataConfig{OutputLocationPrefix: s.RawOutputPrefix}
	}
	p.OverwriteCache = s.OverwriteCache
	if s.Interruptible != nil {
		p.Interruptible = wrapperspb.Bool(*s.Interruptible)
	}
}
