// Package export_rustus_hooks_notifications is what the generated code calls for
// what happened.
package export_rustus_hooks_notifications

import (
	"rustus/hook/internal/generated/rustus_hooks_notifications"
	"rustus/hook/internal/generated/rustus_hooks_types"
	"rustus/hook/internal/wit/types"
)

type result = types.Result[rustus_hooks_notifications.Reaction, rustus_hooks_types.HookError]

// Answer is set by the functions of package hook that take an author's.
var Answer = func(rustus_hooks_notifications.Notification, rustus_hooks_types.Event) result {
	return types.Err[rustus_hooks_notifications.Reaction](
		rustus_hooks_types.MakeHookErrorPermanent("wit/world.wit exports notifications, which no function hears"))
}

// Notify tells of the event.
func Notify(what rustus_hooks_notifications.Notification, event rustus_hooks_types.Event) result {
	return Answer(what, event)
}
