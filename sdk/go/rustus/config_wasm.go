package hook

import (
	"encoding/json"

	"rustus/hook/internal/generated/rustus_hooks_config"
)

// Config reads the table [config] of NAME.toml as encoding/json does.
func Config(into any) error {
	if err := json.Unmarshal([]byte(rustus_hooks_config.All()), into); err != nil {
		return Permanent("NAME.toml: " + err.Error())
	}
	return nil
}
