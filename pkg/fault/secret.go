package fault

import "regexp"

// password is that of a URI: what stands between the user's name and the last @
// before the host.
var password = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@"]*:)[^\s"]*@`)

// secret is a parameter of a URI that holds one.
var secret = regexp.MustCompile(`(?i)([?&](?:ssl)?(?:password|passwd|pwd|token|access_token|secret|api_?key|credential|sig|x-amz-signature|x-amz-credential|x-amz-security-token)=)[^&\s"']+`)

// port is what may stand where a password does, with an @ in the path behind it.
var port = regexp.MustCompile(`:\d{1,5}/[^:]*$`)

// Masked is a text whose URIs have xxxxx for their passwords.
func Masked(s string) string {
	s = password.ReplaceAllStringFunc(s, func(uri string) string {
		if port.MatchString(uri) {
			return uri
		}
		return password.ReplaceAllString(uri, "${1}xxxxx@")
	})
	return secret.ReplaceAllString(s, "${1}xxxxx")
}

// HoldsSecret says whether there is anything to mask.
func HoldsSecret(s string) bool { return Masked(s) != s }
