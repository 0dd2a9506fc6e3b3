// Lets only those upload who have a token, and writes whose upload it is.
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"rustus/hook"
)

func init() { hook.PreCreate(decide) }

func main() {}

// decide looks the token up among those of the configuration, which are hashed.
func decide(event hook.Event) (hook.Answer, error) {
	var config struct {
		Owners map[string]string `json:"owners"`
	}
	if err := hook.Config(&config); err != nil {
		return hook.Answer{}, err
	}
	scheme, token, _ := strings.Cut(event.Request.Header("authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return refused("Send a token."), nil
	}
	hash := sha256.Sum256([]byte(token))
	given := []byte(hex.EncodeToString(hash[:]))
	for owner, digest := range config.Owners {
		if subtle.ConstantTimeCompare(given, []byte(digest)) == 1 {
			// What the client itself wrote as owner is replaced.
			event.Upload.Metadata["owner"] = owner
			return hook.Proceed().WithMetadata(event.Upload.Metadata), nil
		}
	}
	return refused("The token is not known."), nil
}

func refused(why string) hook.Answer {
	return hook.Reject(401, why).WithHeader("www-authenticate", "Bearer")
}
