package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// tokenCache keeps the token of one server and client in a file that only its
// owner can read. A cache that can't be used costs a login, nothing else, and
// so its errors are nobody's concern.
type tokenCache struct {
	dir  string // empty: constellation/flyte in the user's cache directory
	name string
}

// cacheName is different for whatever a token can be different for.
func cacheName(c Config) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.Endpoint, c.AuthType, c.ClientID, c.Audience, strings.Join(c.Scopes, " ")}, "\x00")))
	return hex.EncodeToString(sum[:12]) + ".json"
}

func (t tokenCache) path() (string, bool) {
	dir := t.dir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", false
		}
		dir = filepath.Join(base, "constellation", "flyte")
	}
	return filepath.Join(dir, t.name), true
}

func (t tokenCache) load() *kept {
	path, ok := t.path()
	if !ok {
		return nil
	}
	text, err := atMost(path, maxSecret)
	if err != nil {
		return nil
	}
	k := new(kept)
	if json.Unmarshal(text, k) != nil || k.Token == nil || k.Token.AccessToken == "" || k.Header == "" {
		return nil
	}
	return k
}

func (t tokenCache) save(k *kept) {
	path, ok := t.path()
	if !ok {
		return
	}
	text, err := json.Marshal(k)
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".token-*") // 0600
	if err != nil {
		return
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if f.Close() == nil && err == nil {
		_ = os.Rename(f.Name(), path)
	}
}
