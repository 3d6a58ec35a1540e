package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/register"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/version"
	"github.com/cosmostat/constellation/workflows"
)

// packaging is what the verb package is asked for.
type packaging struct {
	image, shine  string
	requireDigest bool
	fast, bin     string

	out, file, source string
	target            register.Target
	clusterLabel      string
	podTemplates      map[string]string
	schedules         map[string]string
	plan              planFlags
}

func packageCommand() *cobra.Command {
	p := &packaging{}
	c := &cobra.Command{
		Use:   "package --image IMAGE --shine-image IMAGE",
		Short: "Write the archive that flytectl registers",
		Long: `Package writes every task, workflow and launch plan into the archive that
"flytectl register files --archive" takes, and beside it what else a project
needs: resource limits, execution settings, and the exact commands. The same
specs and settings give the same bytes.

With --fast the images need not hold the code: the stages' executables go to
the object store by their checksums, and the images' loader fetches them.`,
		Example: `  constellation package --image registry.example/constellation@sha256:... --shine-image registry.example/shine@sha256:... -p shear
  constellation package --image IMAGE --shine-image IMAGE --fast s3://bucket/code -p shear -d development
  constellation package --image IMAGE --shine-image IMAGE --schedule survey_campaign="0 2 * * *" --notify-email team@example.org`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&p.image, "image", "", "container image of the CPU stages, best by digest (required)")
	f.StringVar(&p.shine, "shine-image", "", "container image of infer-subtile: SHINE and the executable (required)")
	f.BoolVar(&p.requireDigest, "require-digest", false, "refuse images that are not given by digest")
	f.StringVarP(&p.out, "output", "o", "constellation.tgz", "file to write; the others go beside it")
	f.StringVarP(&p.file, "config", "c", "", "the configuration that launches take unless they are given another; schedules need it")
	f.StringVarP(&p.target.Project, "project", "p", "", "Flyte project, for the commands and the attribute files")
	f.StringVarP(&p.target.Domain, "domain", "d", "development", "Flyte domain, likewise")
	f.StringVar(&p.target.Version, "version", "", "version to register as (default: this command's; with --fast, the archive's checksum)")
	f.StringVar(&p.fast, "fast", "", "upload the stages' executables below this URI and register specs that fetch them")
	f.StringVar(&p.bin, "bin", "", "with --fast: directory of the executables (default: this command's own)")
	f.StringVar(&p.source, "source", "", "URL of the source tree that the console links (default: the commit on GitHub, where it is known)")
	f.StringVar(&p.clusterLabel, "cluster-label", "", "label of the cluster that runs the project, where Flyte has several")
	f.StringToStringVar(&p.podTemplates, "pod-template", nil, "replace a PodTemplate: DECLARED=NAME, or DECLARED= for none")
	f.StringToStringVar(&p.schedules, "schedule", nil, `schedule a launch plan: PLAN="0 2 * * *" or PLAN=6h`)
	p.plan.flags(f)
	cobra.CheckErr(c.MarkFlagRequired("image"))
	cobra.CheckErr(c.MarkFlagRequired("shine-image"))
	c.RunE = func(c *cobra.Command, _ []string) error { return p.run(c) }
	return c
}

func (p *packaging) run(c *cobra.Command) error {
	ctx, store := c.Context(), objstore.Open(c.Context(), objstore.Config{})
	for _, i := range []struct{ flag, ref string }{{"image", p.image}, {"shine-image", p.shine}} {
		warning, err := register.CheckImage(i.ref)
		switch {
		case err != nil:
			return fault.Input(codeUsage, "--%s: %w", i.flag, err)
		case warning != "" && p.requireDigest:
			return fault.Input(codeUsage, "--%s: %s", i.flag, warning)
		case warning != "":
			fmt.Fprintf(c.ErrOrStderr(), "warning: --%s: %s\n", i.flag, warning)
		}
	}
	plan, err := p.plan.settings(c.Flags())
	if err != nil {
		return err
	}
	bundles, err := p.bundles(c, store, plan)
	if err != nil {
		return err
	}
	if p.target.Version == "" && p.fast == "" {
		p.target.Version = version.Version
	}
	files, err := register.Archive{
		Bundles: bundles, Target: p.target, Plan: plan, ClusterLabel: p.clusterLabel, Started: slices.Collect(maps.Keys(p.schedules)),
	}.Files(p.out)
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := objstore.WriteFile(ctx, store, f.Name, f.Data); err != nil {
			return fmt.Errorf("write %s: %w", f.Name, err)
		}
	}
	var names []string
	for _, b := range bundles {
		names = append(names, b.Workflow.GetTemplate().GetId().GetName())
	}
	fmt.Fprintf(c.OutOrStdout(), "%s holds %s\n\n%s", p.out, strings.Join(names, ", "), files[len(files)-1].Data)
	return nil
}

// bundles builds the specs, and uploads the executables where they are asked for.
func (p *packaging) bundles(c *cobra.Command, store objstore.Store, plan spec.PlanSettings) ([]*spec.Bundle, error) {
	settings, text := config.Default(), ""
	if p.file != "" {
		read, err := (&launch{config: p.file}).load(c.Context())
		if err != nil {
			return nil, err
		}
		settings, text = read.config, read.text
		if u, err := url.Parse(settings.Output.URI); err == nil && u.User != nil {
			if _, secret := u.User.Password(); secret {
				return nil, fault.Input("SecretInSpec", "the configuration goes into launch plans, which everybody in the project reads, and output.catalog_uri has a password").On(p.file).
					At("output.catalog_uri").Fix("leave the password out, and give it to the pods by PGPASSWORD or PGPASSFILE from a Kubernetes secret")
			}
		}
	}
	o := spec.Options{
		Image: p.image, Images: map[string]string{"shine": p.shine},
		Accelerator: settings.Shine.Accelerator, MaxParallelism: settings.MaxParallelism,
		Plan: plan, PodTemplates: p.podTemplates, Source: sourceLinks(p.source),
	}
	var up *register.Upload
	if p.fast != "" {
		if p.bin == "" {
			var err error
			if p.bin, err = programs(); err != nil {
				return nil, err
			}
		}
		up = register.NewUpload(c.Context(), store, absolutePath(p.fast), p.bin) // a path is one of a file system that the pods share
		o.Command = up.Command
	}
	fixed := settingsOf(settings)
	fixed.ConfigYAML = text
	bundles, err := workflows.Build(fixed, o)
	if err != nil {
		return nil, err
	}
	if up != nil {
		fmt.Fprint(c.ErrOrStderr(), up.Summary())
	}
	for _, name := range slices.Sorted(maps.Keys(p.schedules)) {
		s, err := spec.ParseSchedule(p.schedules[name])
		if err != nil {
			return nil, fault.Input(codeUsage, "--schedule %s: %w", name, err)
		}
		if err := spec.Reschedule(bundles, name, s); err != nil {
			return nil, fault.Input(codeUsage, "--schedule: %w", err)
		}
	}
	return spec.InOrder(bundles...)
}
