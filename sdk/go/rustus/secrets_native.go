//go:build !wasm

package hook

var secrets = map[string]string{}

// SetSecret is for tests: it sets what Secret finds.
func SetSecret(name, value string) { secrets[name] = value }

// Secret is what stands behind a name of [secrets] in NAME.toml. That the operator
// has not listed it is a Permanent error, which says what to write.
func Secret(name string) (string, error) {
	value, there := secrets[name]
	if !there {
		return "", Permanent("the secret " + name + " is not set")
	}
	return value, nil
}
