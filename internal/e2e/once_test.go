package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestConfigurationOnce changes the configuration, or takes it away, while
// something runs with it: what is reported is what ran.
func TestConfigurationOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	edited := func(text string) string {
		text = regexp.MustCompile(`(?m)^field_name:.*`).ReplaceAllString(text, "field_name: OTHER")
		return strings.Replace(text, "s3://"+productsBucket, s.path("elsewhere"), 1)
	}
	for name, change := range map[string]func(path string){
		"edited": func(path string) {
			text := string(read(t, path))
			if edited(text) == text {
				t.Error("nothing was changed")
			}
			write(t, path, edited(text))
		},
		"taken away": func(path string) {
			if err := os.Rename(path, path+".away"); err != nil {
				t.Error(err)
			}
		},
	} {
		for _, verb := range []string{"run", "campaign"} {
			t.Run(verb+", "+name, func(t *testing.T) {
				id := verb + "-" + strings.ReplaceAll(name, " ", "-")
				path := s.path(id + ".yaml")
				text := strings.Replace(s.config(surveyBucket), s.path("warehouse"), s.path("warehouse-"+id), 1)
				write(t, path, text)
				r := once(t, s.command(verb, "--config", path, "--run-id", id, "--cache", "off"), `resolve-config`, func() { change(path) })
				products, table := "s3://"+productsBucket+"/"+id, "shear."+strings.ToLower(s.tiny.Field)+"_shear"
				if r.status != 0 || r.stderr != "" || !regexp.MustCompile(`verdict +ok`).MatchString(r.stdout) {
					t.Errorf("%s", r)
				}
				for _, want := range []string{"products   " + products + "\n", "catalogue  " + table + " in " + s.path("warehouse-"+id) + ","} {
					if !strings.Contains(r.stdout, want) {
						t.Errorf("it does not say %q: %s", want, r)
					}
				}
				if strings.Contains(r.stdout, "made by earlier runs") {
					t.Errorf("it says that another run made them: %s", r)
				}
				if _, err := os.Stat(filepath.Join(s.products, id, "run.json")); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if left := tree(t, s.path("elsewhere")); len(left) > 0 {
		t.Errorf("%d files follow the edited configuration", len(left))
	}
}

// TestStages: each stage's executable, which may be a link to one of several
// stages, is the stage that its name says.
func TestStages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mains, err := filepath.Glob("../../tasks/*/main.go")
	if err != nil || len(mains) < 14 {
		t.Fatalf("%d stages, %v", len(mains), err)
	}
	for _, m := range mains {
		name := filepath.Base(filepath.Dir(m))
		if r := finish(t, s.program(name, "--help")); r.status != 0 || !strings.HasPrefix(r.stdout, name+": ") {
			t.Errorf("%s --help: %s", name, r)
		}
	}
}
