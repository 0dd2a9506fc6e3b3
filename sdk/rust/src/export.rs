//! The macros that turn a function into an export of the component.

/// Answers the event `pre-create` with a function
/// `fn(Event) -> Result<CreateDecision, HookError>`.
///
/// Called once for every creation that passed the checks of the protocol,
/// before anything exists. The client waits.
///
/// ```
/// use rustus_hook::prelude::*;
///
/// rustus_hook::pre_create!(only_small);
///
/// fn only_small(event: Event) -> Result<CreateDecision, HookError> {
///     match event.upload.length {
///         Some(length) if length > 1_000_000 => {
///             Ok(CreateDecision::reject(Rejection::new(413, "One megabyte at most.")))
///         }
///         _ => Ok(CreateDecision::proceed()),
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! pre_create {
    ($function:path) => {
        $crate::__export_decision!(pre_create, export_pre_create, CreateDecision, $function);
    };
}

/// Answers the event `pre-finish` with a function
/// `fn(Event) -> Result<FinishDecision, HookError>`.
///
/// Called when all bytes of an upload are stored, and again each time the client
/// asks again after a refusal. The client waits.
///
/// ```
/// use rustus_hook::prelude::*;
///
/// rustus_hook::pre_finish!(thank);
///
/// fn thank(event: Event) -> Result<FinishDecision, HookError> {
///     Ok(FinishDecision::proceed().with_header("x-received", event.upload.offset))
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! pre_finish {
    ($function:path) => {
        $crate::__export_decision!(pre_finish, export_pre_finish, FinishDecision, $function);
    };
}

/// Answers the event `pre-get` with a function
/// `fn(Event) -> Result<GetDecision, HookError>`.
///
/// Called before a byte or a header of the upload is sent. The client waits.
///
/// ```
/// use rustus_hook::prelude::*;
///
/// rustus_hook::pre_get!(members_only);
///
/// fn members_only(event: Event) -> Result<GetDecision, HookError> {
///     if event.request.header("authorization").is_none() {
///         return Ok(GetDecision::reject(Rejection::new(401, "Who are you?")));
///     }
///     Ok(GetDecision::proceed())
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! pre_get {
    ($function:path) => {
        $crate::__export_decision!(pre_get, export_pre_get, GetDecision, $function);
    };
}

/// Answers the event `pre-terminate` with a function
/// `fn(Event) -> Result<TerminateDecision, HookError>`.
///
/// Called before anything is removed. The client waits.
///
/// ```
/// use rustus_hook::prelude::*;
///
/// rustus_hook::pre_terminate!(keep_finished);
///
/// fn keep_finished(event: Event) -> Result<TerminateDecision, HookError> {
///     if event.upload.is_complete() {
///         return Ok(TerminateDecision::reject(Rejection::new(403, "It stays.")));
///     }
///     Ok(TerminateDecision::proceed())
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! pre_terminate {
    ($function:path) => {
        $crate::__export_decision!(
            pre_terminate,
            export_pre_terminate,
            TerminateDecision,
            $function
        );
    };
}

/// Receives all notifications by a function
/// `fn(Notification, Event) -> Result<R, HookError>`, where `R` is `()`, or a
/// [`Reaction`](crate::Reaction) of a plugin that may stop uploads.
///
/// Nobody waits for it. Delivery is at least once: the same event may come
/// again, under the same [`Event::id`](crate::Event::id).
///
/// ```
/// use rustus_hook::prelude::*;
///
/// rustus_hook::notifications!(tell);
///
/// fn tell(what: Notification, event: Event) -> Result<(), HookError> {
///     if what == Notification::PostFinish {
///         log::info("finished", &[("upload", &event.upload.id)]);
///     }
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! notifications {
    ($function:path) => {
        const _: () = {
            // Checks the function's type, and keeps it in use where nothing is exported.
            const fn check<R: Into<$crate::Reaction>>(
                _: fn($crate::Notification, $crate::Event) -> Result<R, $crate::HookError>,
            ) {
            }
            const _: () = check($function);

            #[cfg(target_arch = "wasm32")]
            const _: () = {
                struct Hook;

                impl $crate::bindings::notifications::exports::rustus::hooks::notifications::Guest
                    for Hook
                {
                    fn notify(
                        what: $crate::Notification,
                        event: $crate::Event,
                    ) -> Result<$crate::Reaction, $crate::HookError> {
                        $function(what, event).map(Into::into)
                    }
                }

                $crate::bindings::notifications::export_notifications!(
                    Hook with_types_in $crate::bindings::notifications
                );
            };
        };
    };
}

/// Receives every event by a function
/// `fn(EventKind, Event) -> Result<(), HookError>`, to pass it on: also the
/// blocking ones, after they were approved.
///
/// Nobody waits for it. Delivery is at least once. A component has this or
/// [`notifications!`](crate::notifications!), not both.
///
/// ```
/// use rustus_hook::prelude::*;
///
/// rustus_hook::sink!(pass_on);
///
/// fn pass_on(kind: EventKind, event: Event) -> Result<(), HookError> {
///     log::info(kind.name(), &[("upload", &event.upload.id)]);
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! sink {
    ($function:path) => {
        const _: () = {
            // Checks the function's type, and keeps it in use where nothing is exported.
            const _: fn($crate::EventKind, $crate::Event) -> Result<(), $crate::HookError> =
                $function;

            #[cfg(target_arch = "wasm32")]
            const _: () = {
                struct Hook;

                impl $crate::bindings::sink::exports::rustus::hooks::sink::Guest for Hook {
                    fn deliver(
                        kind: $crate::EventKind,
                        event: $crate::Event,
                    ) -> Result<(), $crate::HookError> {
                        $function(kind, event)
                    }
                }

                $crate::bindings::sink::export_sink!(
                    Hook with_types_in $crate::bindings::sink
                );
            };
        };
    };
}

/// The four macros of blocking events differ only in names.
///
/// Exports exist on WebAssembly alone: their names hold characters that no
/// native linker takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_decision {
    ($event:ident, $export:ident, $decision:ident, $function:path) => {
        const _: () = {
            // Checks the function's type, and keeps it in use where nothing is exported.
            const _: fn($crate::Event) -> Result<$crate::$decision, $crate::HookError> = $function;

            #[cfg(target_arch = "wasm32")]
            const _: () = {
                struct Hook;

                impl $crate::bindings::$event::exports::rustus::hooks::$event::Guest for Hook {
                    fn decide(
                        event: $crate::Event,
                    ) -> Result<$crate::$decision, $crate::HookError> {
                        $function(event)
                    }
                }

        $crate::bindings::$event::$export!(Hook with_types_in $crate::bindings::$event);
            };
        };
    };
}
