// Package export_rustus_hooks_pre_get is what the generated code calls for pre-get.
package export_rustus_hooks_pre_get

import (
	"rustus/hook/internal/generated/rustus_hooks_pre_get"
	"rustus/hook/internal/generated/rustus_hooks_types"
	"rustus/hook/internal/wit/types"
)

type result = types.Result[rustus_hooks_pre_get.GetDecision, rustus_hooks_types.HookError]

// Answer is set by the function of package hook that takes an author's.
var Answer = func(rustus_hooks_types.Event) result {
	return types.Err[rustus_hooks_pre_get.GetDecision](
		rustus_hooks_types.MakeHookErrorPermanent("wit/world.wit exports pre-get, which no function answers"))
}

// Decide answers the event.
func Decide(event rustus_hooks_types.Event) result { return Answer(event) }
