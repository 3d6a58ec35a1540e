package register

import (
	"os/exec"
	"strings"
	"testing"
)

func TestCheckImage(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("ab", 32)
	for ref, want := range map[string]string{
		"one" + digest: "", "registry.example:5000/a/b_c/d--e:v1" + digest: "", "ghcr.io/Owner/x" + digest: "refused", "localhost/x:V1.2_3": "tag",
		"one": "latest", "": "refused", "one:": "refused", "one@sha256:ab": "refused", "one@": "refused", "a//b": "refused", "UPPER": "refused", "one two": "refused", "-x": "refused",
	} {
		got := ""
		switch warning, err := CheckImage(ref); {
		case err != nil:
			got = "refused"
		case strings.Contains(warning, "latest"):
			got = "latest"
		case warning != "":
			got = "tag"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", ref, got, want)
		}
	}
}

func TestQuantity(t *testing.T) {
	for _, pair := range [][2]string{{"1", "1000m"}, {"1Gi", "1024Mi"}, {"1.5Gi", "1536Mi"}, {"2k", "2000"}, {"1Ki", "1024"}, {"1T", "1000G"}, {".5", "500m"}} {
		a, errA := quantity(pair[0])
		b, errB := quantity(pair[1])
		if errA != nil || errB != nil || a.Cmp(b) != 0 {
			t.Errorf("%v: %v, %v", pair, a, b)
		}
	}
	for _, text := range []string{"", "x", "1.2.3", "1mi", "1K", "-1"} {
		if v, err := quantity(text); err == nil {
			t.Errorf("%q is %v", text, v)
		}
	}
}

// A shell gives each word back as it was.
func TestShell(t *testing.T) {
	for _, word := range []string{"plain", "two words", "it's", "$HOME `x` \"y\"", "", "a\nb", "*"} {
		out, err := exec.Command("sh", "-c", "printf %s "+shell(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q comes back as %q, %v", word, out, err)
		}
	}
}
