//! Writes every notification into the server's log. The server adds the ids of
//! event and upload to each line.

use rustus_hook::prelude::*;

rustus_hook::notifications!(log_event);

fn log_event(what: Notification, event: Event) -> Result<(), HookError> {
    let upload = &event.upload;
    let length = upload
        .length
        .map_or("unknown".to_owned(), |length| length.to_string());
    log::info(
        what.name(),
        &[
            ("offset", &upload.offset.to_string()),
            ("length", &length),
            ("filename", upload.metadata("filename").unwrap_or_default()),
        ],
    );
    Ok(())
}
