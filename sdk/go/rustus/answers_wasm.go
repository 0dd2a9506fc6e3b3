package hook

import (
	"rustus/hook/internal/answers/export_rustus_hooks_notifications"
	"rustus/hook/internal/answers/export_rustus_hooks_pre_create"
	"rustus/hook/internal/answers/export_rustus_hooks_pre_finish"
	"rustus/hook/internal/answers/export_rustus_hooks_pre_get"
	"rustus/hook/internal/answers/export_rustus_hooks_pre_terminate"
	"rustus/hook/internal/answers/export_rustus_hooks_sink"
	"rustus/hook/internal/generated/rustus_hooks_notifications"
	"rustus/hook/internal/generated/rustus_hooks_pre_create"
	"rustus/hook/internal/generated/rustus_hooks_pre_finish"
	"rustus/hook/internal/generated/rustus_hooks_pre_get"
	"rustus/hook/internal/generated/rustus_hooks_pre_terminate"
	"rustus/hook/internal/generated/rustus_hooks_sink"
	raw "rustus/hook/internal/generated/rustus_hooks_types"
	_ "rustus/hook/internal/generated/wit_exports"
	"rustus/hook/internal/wit/types"
)

// PreCreate answers whether an upload may be created.
func PreCreate(decide func(Event) (Answer, error)) {
	export_rustus_hooks_pre_create.Answer = answering(decide, createDecision)
}

// PreFinish answers whether an upload is accepted, now that all of it is stored.
func PreFinish(decide func(Event) (Answer, error)) {
	export_rustus_hooks_pre_finish.Answer = answering(decide, finishDecision)
}

// PreGet answers whether an upload may be read.
func PreGet(decide func(Event) (Answer, error)) {
	export_rustus_hooks_pre_get.Answer = answering(decide, func(answer Answer) rustus_hooks_pre_get.GetDecision {
		if answer.Rejected {
			return rustus_hooks_pre_get.MakeGetDecisionReject(rejection(answer))
		}
		return rustus_hooks_pre_get.MakeGetDecisionProceed()
	})
}

// PreTerminate answers whether an upload may be removed.
func PreTerminate(decide func(Event) (Answer, error)) {
	export_rustus_hooks_pre_terminate.Answer = answering(decide, func(answer Answer) rustus_hooks_pre_terminate.TerminateDecision {
		if answer.Rejected {
			return rustus_hooks_pre_terminate.MakeTerminateDecisionReject(rejection(answer))
		}
		return rustus_hooks_pre_terminate.MakeTerminateDecisionProceed()
	})
}

// PostCreate is told that an upload was created.
func PostCreate(told func(Event) (Answer, error)) {
	listen(rustus_hooks_notifications.NotificationPostCreate, told)
}

// PostReceive is told that bytes came. To reject stops the upload.
func PostReceive(told func(Event) (Answer, error)) {
	listen(rustus_hooks_notifications.NotificationPostReceive, told)
}

// PostFinish is told that an upload is finished.
func PostFinish(told func(Event) (Answer, error)) {
	listen(rustus_hooks_notifications.NotificationPostFinish, told)
}

// PostTerminate is told that an upload was removed.
func PostTerminate(told func(Event) (Answer, error)) {
	listen(rustus_hooks_notifications.NotificationPostTerminate, told)
}

// kinds are in the order of the enum event-kind.
var kinds = [...]string{
	"pre-create", "post-create", "post-receive", "pre-finish",
	"post-finish", "pre-get", "pre-terminate", "post-terminate",
}

// Sink is given every event, to pass it on.
func Sink(deliver func(kind string, event Event) error) {
	export_rustus_hooks_sink.Answer = func(kind rustus_hooks_sink.EventKind, event raw.Event) types.Result[types.Unit, raw.HookError] {
		if err := deliver(kinds[kind], eventFrom(event)); err != nil {
			return types.Err[types.Unit](hookError(err))
		}
		return types.Ok[types.Unit, raw.HookError](types.Unit{})
	}
}

var listeners = map[rustus_hooks_notifications.Notification]func(Event) (Answer, error){}

func listen(what rustus_hooks_notifications.Notification, told func(Event) (Answer, error)) {
	listeners[what] = told
	export_rustus_hooks_notifications.Answer = func(what rustus_hooks_notifications.Notification, event raw.Event) types.Result[rustus_hooks_notifications.Reaction, raw.HookError] {
		told, heard := listeners[what]
		if !heard {
			return types.Ok[rustus_hooks_notifications.Reaction, raw.HookError](rustus_hooks_notifications.MakeReactionDone())
		}
		return answering(told, reaction)(event)
	}
}

// answering is an author's function between the generated types.
func answering[D any](decide func(Event) (Answer, error), decision func(Answer) D) func(raw.Event) types.Result[D, raw.HookError] {
	return func(event raw.Event) types.Result[D, raw.HookError] {
		answer, err := decide(eventFrom(event))
		if err != nil {
			return types.Err[D](hookError(err))
		}
		return types.Ok[D, raw.HookError](decision(answer))
	}
}

func createDecision(answer Answer) rustus_hooks_pre_create.CreateDecision {
	if answer.Rejected {
		return rustus_hooks_pre_create.MakeCreateDecisionReject(rejection(answer))
	}
	metadata := types.None[[]raw.MetadataEntry]()
	if answer.Metadata != nil {
		metadata = types.Some(entries(answer.Metadata))
	}
	return rustus_hooks_pre_create.MakeCreateDecisionProceed(rustus_hooks_pre_create.CreateChanges{
		Metadata: metadata,
		Id:       unlessEmpty(answer.ID),
		Path:     unlessEmpty(answer.Path),
		Headers:  headers(answer.Headers),
	})
}

func finishDecision(answer Answer) rustus_hooks_pre_finish.FinishDecision {
	if answer.Rejected {
		return rustus_hooks_pre_finish.MakeFinishDecisionReject(rejection(answer))
	}
	status := types.None[uint16]()
	if answer.Status != 0 {
		status = types.Some(answer.Status)
	}
	return rustus_hooks_pre_finish.MakeFinishDecisionProceed(rustus_hooks_pre_finish.FinishChanges{
		Status:  status,
		Headers: headers(answer.Headers),
		Body:    unlessEmpty(answer.Body),
	})
}

func reaction(answer Answer) rustus_hooks_notifications.Reaction {
	if answer.Rejected {
		return rustus_hooks_notifications.MakeReactionStop(rejection(answer))
	}
	return rustus_hooks_notifications.MakeReactionDone()
}
