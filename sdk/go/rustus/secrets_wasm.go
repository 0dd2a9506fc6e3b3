package hook

import (
	"strings"

	"rustus/hook/internal/generated/rustus_hooks_secrets"
	"rustus/hook/internal/wit/types"
)

// Secret is what stands behind a name of [secrets] in NAME.toml. That the operator
// has not listed it is a Permanent error, which says what to write.
func Secret(name string) (string, error) {
	value := rustus_hooks_secrets.Get(name)
	if value.Tag() == types.ResultErr {
		denied := value.Err()
		return "", Permanent(denied.Denied())
	}
	return strings.Clone(value.Ok()), nil
}
