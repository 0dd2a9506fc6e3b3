// Package export_rustus_hooks_sink is what the generated code calls for a sink.
package export_rustus_hooks_sink

import (
	"rustus/hook/internal/generated/rustus_hooks_sink"
	"rustus/hook/internal/generated/rustus_hooks_types"
	"rustus/hook/internal/wit/types"
)

type result = types.Result[types.Unit, rustus_hooks_types.HookError]

// Answer is set by the function of package hook that takes an author's.
var Answer = func(rustus_hooks_sink.EventKind, rustus_hooks_types.Event) result {
	return types.Err[types.Unit](
		rustus_hooks_types.MakeHookErrorPermanent("wit/world.wit exports sink, which no function takes"))
}

// Deliver gives the event to the sink.
func Deliver(kind rustus_hooks_sink.EventKind, event rustus_hooks_types.Event) result {
	return Answer(kind, event)
}
