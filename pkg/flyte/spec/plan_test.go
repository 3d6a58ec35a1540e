package spec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/workflow"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/validators"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Several ways to launch one workflow, with all that a plan can say.
func TestPlans(t *testing.T) {
	w := workflow.Text()
	text := literal.Blob{URI: "s3://b/text.txt", Format: "txt"}
	yes, no := true, false
	spec.AddPlan(w, "count_nightly", spec.PlanSettings{
		Schedule:      spec.Schedule{Cron: "0 2 * * *"},
		Notifications: []spec.Notification{{Channel: spec.Slack, Recipients: []string{"x@slack.example"}, Phases: []core.WorkflowExecution_Phase{core.WorkflowExecution_FAILED}}},
		Labels:        map[string]string{"team": "night"},
		Interruptible: &no,
	}, spec.Fix(&w.In.Text, text), spec.Preset(&w.In.Skip, []string{"the"}))
	spec.AddPlan(w, "count_text", spec.PlanSettings{MaxParallelism: 7}) // its own
	o := options
	o.Plan = spec.PlanSettings{
		Labels: map[string]string{"team": "day", "survey": "wide"}, Annotations: map[string]string{"example.org/cost": "centre 1"},
		Env: map[string]string{"B": "2", "A": "1"}, MaxParallelism: 100, ServiceAccount: "runner", IAMRole: "arn:x",
		RawOutputPrefix: "s3://bucket/raw", OverwriteCache: true, Interruptible: &yes,
		Notifications: []spec.Notification{{Recipients: []string{"a@b.c"}, Phases: []core.WorkflowExecution_Phase{core.WorkflowExecution_ABORTED}}},
	}
	b, err := w.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Plans) != 2 || b.Plans[0].GetId().GetName() != "count_text" || b.Plans[1].GetId().GetName() != "count_nightly" {
		t.Fatalf("plans: %v", b.Plans)
	}
	own, night := b.Plans[0].GetSpec(), b.Plans[1].GetSpec()
	if own.GetMaxParallelism() != 7 || night.GetMaxParallelism() != 100 || own.GetEntityMetadata().GetSchedule() != nil {
		t.Errorf("parallelism %d, %d; schedule %v", own.GetMaxParallelism(), night.GetMaxParallelism(), own.GetEntityMetadata())
	}
	fixed, err := literal.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	want := &admin.LaunchPlanSpec{
		WorkflowId: own.GetWorkflowId(),
		EntityMetadata: &admin.LaunchPlanMetadata{
			Schedule: &admin.Schedule{ScheduleExpression: &admin.Schedule_CronSchedule{CronSchedule: &admin.CronSchedule{Schedule: "0 2 * * *"}}},
			Notifications: []*admin.Notification{
				{Phases: []core.WorkflowExecution_Phase{core.WorkflowExecution_FAILED}, Type: &admin.Notification_Slack{Slack: &admin.SlackNotification{RecipientsEmail: []string{"x@slack.example"}}}},
				{Phases: []core.WorkflowExecution_Phase{core.WorkflowExecution_ABORTED}, Type: &admin.Notification_Email{Email: &admin.EmailNotification{RecipientsEmail: []string{"a@b.c"}}}},
			},
		},
		DefaultInputs:       night.GetDefaultInputs(),
		FixedInputs:         &core.LiteralMap{Literals: map[string]*core.Literal{"text": fixed}},
		Labels:              &admin.Labels{Values: map[string]string{"team": "night", "survey": "wide"}},
		Annotations:         &admin.Annotations{Values: map[string]string{"example.org/cost": "centre 1"}},
		Envs:                &admin.Envs{Values: []*core.KeyValuePair{{Key: "A", Value: "1"}, {Key: "B", Value: "2"}}},
		SecurityContext:     &core.SecurityContext{RunAs: &core.Identity{K8SServiceAccount: "runner", IamRole: "arn:x"}},
		RawOutputDataConfig: &admin.RawOutputDataConfig{OutputLocationPrefix: "s3://bucket/raw"},
		MaxParallelism:      100,
		Interruptible:       wrapperspb.Bool(false),
		OverwriteCache:      true,
	}
	if d := cmp.Diff(want, night, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	free := night.GetDefaultInputs().GetParameters()
	if free["text"] != nil || free["skip"].GetDefault().GetCollection().GetLiterals()[0].GetScalar().GetPrimitive().GetStringValue() != "the" {
		t.Errorf("inputs: %v", free)
	}
	// FlyteAdmin holds fixed inputs to the workflow's types.
	if declared := b.Workflow.GetTemplate().GetInterface().GetInputs().GetVariables()["text"].GetType(); !validators.AreTypesCastable(validators.LiteralTypeForLiteral(fixed), declared) {
		t.Errorf("the fixed text is no %v", declared)
	}

	// Where it is deployed, it runs at other times.
	if err := spec.Reschedule([]*spec.Bundle{b}, "count_nightly", spec.Schedule{Every: 36 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if r := night.GetEntityMetadata().GetSchedule().GetRate(); r.GetValue() != 36 || r.GetUnit() != admin.FixedRateUnit_HOUR {
		t.Errorf("rate: %v", r)
	}
	for plan, want := range map[string]string{
		"count_text": "plan count_text: a schedule has nobody to give text: fix it, or give it a default",
		"count_noon": `there is no launch plan "count_noon" (there are count_text, count_nightly)`,
	} {
		if err := spec.Reschedule([]*spec.Bundle{b}, plan, spec.Schedule{Every: time.Hour}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", plan, err)
		}
	}
}

func TestPlanRefusals(t *testing.T) {
	phases := []core.WorkflowExecution_Phase{core.WorkflowExecution_FAILED}
	tests := []struct {
		name   string
		s      spec.PlanSettings
		inputs func(w *spec.Workflow[workflow.In, workflow.Out]) []spec.PlanInput
		want   string
	}{
		{"unfed schedule", spec.PlanSettings{Schedule: spec.Schedule{Every: time.Hour}}, nil, "a schedule has nobody to give text"},
		{"kickoff into text", spec.PlanSettings{Schedule: spec.Schedule{Every: time.Hour, KickoffTime: "branch"}},
			func(w *spec.Workflow[workflow.In, workflow.Out]) []spec.PlanInput {
				return []spec.PlanInput{spec.Preset(&w.In.Text, literal.Blob{URI: "s3://b/x", Format: "txt"})}
			}, "the kickoff time goes into an input of type DATETIME that is not fixed, and branch is none"},
		{"kickoff alone", spec.PlanSettings{Schedule: spec.Schedule{KickoffTime: "at"}}, nil, "there is no schedule"},
		{"two schedules", spec.PlanSettings{Schedule: spec.Schedule{Cron: "@daily", Every: time.Hour}}, nil, "not both"},
		{"label", spec.PlanSettings{Labels: map[string]string{"a": "b c"}}, nil, "label a=b c"},
		{"annotation", spec.PlanSettings{Annotations: map[string]string{"a b": ""}}, nil, `annotation "a b"`},
		{"environment", spec.PlanSettings{Env: map[string]string{"1": ""}}, nil, `environment variable "1"`},
		{"parallelism", spec.PlanSettings{MaxParallelism: -1}, nil, "MaxParallelism is -1"},
		{"account", spec.PlanSettings{ServiceAccount: "A B"}, nil, `service account "A B"`},
		{"prefix", spec.PlanSettings{RawOutputPrefix: "/tmp"}, nil, `raw output prefix "/tmp"`},
		{"nobody told", spec.PlanSettings{Notifications: []spec.Notification{{Phases: phases}}}, nil, "needs recipients and phases"},
		{"no address", spec.PlanSettings{Notifications: []spec.Notification{{Phases: phases, Recipients: []string{"ann"}}}}, nil, `"ann" is no e-mail address`},
		{"no end", spec.PlanSettings{Notifications: []spec.Notification{{Phases: []core.WorkflowExecution_Phase{core.WorkflowExecution_RUNNING}, Recipients: []string{"a@b.c"}}}}, nil, "notification on RUNNING"},
		{"given twice", spec.PlanSettings{}, func(w *spec.Workflow[workflow.In, workflow.Out]) []spec.PlanInput {
			return []spec.PlanInput{spec.Fix(&w.In.Branch, "a"), spec.Fix(&w.In.Branch, "b")}
		}, "In.branch is given twice"},
		{"not an input", spec.PlanSettings{}, func(w *spec.Workflow[workflow.In, workflow.Out]) []spec.PlanInput {
			return []spec.PlanInput{spec.Fix(&w.Out.Total, 1)}
		}, "Out.total is not an input of the workflow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := workflow.Text()
			var inputs []spec.PlanInput
			if tt.inputs != nil {
				inputs = tt.inputs(w)
			}
			spec.AddPlan(w, "other", tt.s, inputs...)
			if _, err := w.Build(options); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "plan_test.go:") {
				t.Errorf("no %q with its line in\n%v", tt.want, err)
			}
		})
	}
	w := workflow.Text()
	spec.AddPlan(w, "twice", spec.PlanSettings{})
	spec.AddPlan(w, "twice", spec.PlanSettings{})
	spec.AddPlan(w, "Wrong", spec.PlanSettings{})
	if _, err := w.Build(options); err == nil || !strings.Contains(err.Error(), "plan twice is added twice") || !strings.Contains(err.Error(), `plan name "Wrong"`) {
		t.Errorf("names: %v", err)
	}
}

func TestParseSchedule(t *testing.T) {
	for text, want := range map[string]spec.Schedule{
		"6h": {Every: 6 * time.Hour}, " 90m ": {Every: 90 * time.Minute}, "0 2 * * *": {Cron: "0 2 * * *"}, "@daily": {Cron: "@daily"},
		"*/15 8-18 * * MON-FRI": {Cron: "*/15 8-18 * * MON-FRI"}, "CRON_TZ=Europe/Paris 0 2 * * *": {Cron: "CRON_TZ=Europe/Paris 0 2 * * *"},
	} {
		if got, err := spec.ParseSchedule(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "30s", "90s", "-1h", "0 2 * *", "0 2 * * * *", "0 25 * * *", "0 0 30 2 *", "@reboot", "nightly"} {
		if got, err := spec.ParseSchedule(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, name := range []string{"failed", "SUCCEEDED", " Timed_Out", "aborted"} {
		if _, err := spec.ParsePhase(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "running", "queued", "done"} {
		if _, err := spec.ParsePhase(name); err == nil {
			t.Errorf("%q is a phase", name)
		}
	}
}

// Our rule of labels against Kubernetes' own.
func TestLabelsLikeKubernetes(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, s := range []string{"", "a", "A-1", "a_b.c", "-a", "a-", ".a", "a b", "a/b", "x.y/z", "X/y", "x/", "/y", "a/b/c", long, long + "a", "ä"} {
		check := func(key, value string) bool {
			w := workflow.Text()
			spec.AddPlan(w, "p", spec.PlanSettings{Labels: map[string]string{key: value}})
			_, err := w.Build(options)
			return err == nil
		}
		if ours, theirs := check("k", s), len(validation.IsValidLabelValue(s)) == 0; ours != theirs {
			t.Errorf("value %q: we say %v, Kubernetes %v", s, ours, theirs)
		}
		if ours, theirs := check(s, "v"), len(validation.IsQualifiedName(s)) == 0; ours != theirs {
			t.Errorf("key %q: we say %v, Kubernetes %v", s, ours, theirs)
		}
	}
}

// What the console shows of an entity.
func TestDescription(t *testing.T) {
	o := options
	o.Source = func(kind core.ResourceType, name string) string {
		if kind == core.ResourceType_TASK {
			return "https://example.org/tasks/" + name
		}
		return ""
	}
	o.PodTemplates = map[string]string{"pool": "gpus"}
	b, err := workflow.Text().Build(o)
	if err != nil {
		t.Fatal(err)
	}
	templates := map[string]string{}
	for _, s := range b.Tasks {
		templates[s.GetTemplate().GetId().GetName()] = s.GetTemplate().GetMetadata().GetPodTemplateName()
		if s.GetTemplate().GetId().GetName() != "count_words" {
			continue
		}
		want := "Counts the words of a line.\n\n" +
			"Asks for: cpu 500m, memory 256Mi, ephemeral storage 1Gi, gpu 1, accelerator nvidia-l4, retries 2, cached under version 1.\n\n" +
			"Input line (integer): which line.\nInput mode (string): what to do.\nInput settings (struct).\nInput skip (list of string): words that don't count.\n\n" +
			"Output note (optional string).\nOutput report (blob(json)): the counts.\nOutput words (integer)."
		d := s.GetDescription()
		if diff := cmp.Diff(want, d.GetLongDescription().GetValue()); diff != "" {
			t.Error(diff)
		}
		if d.GetShortDescription() != "Counts the words of a line." || d.GetLongDescription().GetFormat() != admin.DescriptionFormat_DESCRIPTION_FORMAT_MARKDOWN || d.GetSourceCode().GetLink() != "https://example.org/tasks/count_words" {
			t.Errorf("got %v", d)
		}
	}
	if d := cmp.Diff(map[string]string{"count_words": "gpus", "count_words_map": "gpus", "count_words_cpu": "", "count_words_cpu_map": "", "fan_pages": "", "lines": "", "split": "", "sum": ""}, templates); d != "" {
		t.Errorf("pod templates: %s", d)
	}
	if d := b.Workflow.GetDescription(); d.GetSourceCode() != nil || !strings.Contains(d.GetLongDescription().GetValue(), "Input text (blob(txt)): the text to count.") {
		t.Errorf("workflow: %v", d)
	}
}

// A description that is too long ends with a whole line.
func TestLongDescription(t *testing.T) {
	w := spec.New[example.LinesIn, example.LinesOut]("long", strings.Repeat(strings.Repeat("words ", 12)+"\n", 100))
	n := spec.Add(w, example.Lines)
	spec.Connect(w, &n.In.Page, &w.In.Page)
	spec.Connect(w, &n.In.Settings, &w.In.Settings)
	spec.Connect(w, &w.Out.Lines, &n.Out.Lines)
	b, err := w.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	if text := b.Workflow.GetDescription().GetLongDescription().GetValue(); len(text) > 4096 || !strings.HasSuffix(text, "words \n...") {
		t.Errorf("%d bytes, ends with %q", len(text), text[len(text)-20:])
	}
}
