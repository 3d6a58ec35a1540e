package register

import (
	"fmt"
	"regexp"
	"strings"
)

// The grammar of image references that registries share: an optional host with
// a dot or a port, lower-case components, an optional tag and digest.
var (
	imageRE = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/)?` +
		`[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*` +
		`(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(.*))?$`)
	digestRE = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// CheckImage refuses what is no reference, and warns of one that may mean
// another image tomorrow: then two pods of one execution can run different
// code, and a version registered once is not what it was.
func CheckImage(ref string) (warning string, err error) {
	m := imageRE.FindStringSubmatch(ref)
	switch {
	case m == nil:
		return "", fmt.Errorf("%q is no image reference such as registry.example/name@sha256:DIGEST", ref)
	case m[2] != "" && !digestRE.MatchString(m[2]), strings.HasSuffix(ref, "@"):
		return "", fmt.Errorf("%q: a digest is sha256: and 64 hexadecimal digits", ref)
	case m[2] != "":
		return "", nil
	case m[1] == "":
		return fmt.Sprintf("%s has neither tag nor digest, which means whatever is latest: give it as NAME@sha256:...", ref), nil
	}
	return fmt.Sprintf("the tag of %s can be moved to another image: give it by digest (docker inspect --format '{{index .RepoDigests 0}}' %s)", ref, ref), nil
}
