//! Changes an upload's metadata before it is created: sets `owner` from a header
//! field of the request, and tidies `filename`.
//!
//! Whoever stands in front of the server (a proxy that knows who is logged in)
//! sends the header field. An `owner` that the client wrote itself is dropped.
//!
//! ```toml
//! # tag-upload.toml, beside tag-upload.wasm. Every key may be left out.
//! [config]
//! owner-header = "x-owner"
//! ```

use rustus_hook::prelude::*;

rustus_hook::pre_create!(tag_upload);

fn tag_upload(event: Event) -> Result<CreateDecision, HookError> {
    let header = config::get("owner-header").unwrap_or_else(|| "x-owner".to_owned());
    let mut metadata = Metadata::of(&event.upload).remove("owner");
    if let Some(owner) = event.request.header(&header) {
        metadata = metadata.set("owner", owner);
    }
    if let Some(name) = event.upload.metadata("filename") {
        metadata = metadata.set("filename", tidy(name));
    }
    Ok(CreateDecision::proceed().with_metadata(metadata))
}

/// The last part of a path of either kind, without control characters, runs of
/// white space as one `-`, and no dots in front: what is safe as a file's name.
fn tidy(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let visible: String = last
        .chars()
        .filter(|c| c.is_whitespace() || !c.is_control())
        .collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    match words.join("-").trim_start_matches('.') {
        "" => "unnamed".to_owned(),
        tidied => tidied.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustus_hook::testing;

    #[test]
    fn file_names_lose_what_is_not_a_name() {
        for (name, tidied) in [
            ("cat.png", "cat.png"),
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\me\cat.png", "cat.png"),
            ("my  holiday\tphoto.png", "my-holiday-photo.png"),
            (".bashrc", "bashrc"),
            ("a\0b\u{7}.txt", "ab.txt"),
            ("Ünïcode.txt", "Ünïcode.txt"),
            ("..", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(tidy(name), tidied, "{name:?}");
        }
    }

    #[test]
    fn the_owner_comes_from_the_header_and_never_from_the_client() {
        let event = testing::event(&[("owner", "mallory"), ("album", "cats")]);
        let anonymous = Metadata::new().set("album", "cats");
        assert_eq!(tag_upload(event.clone()), tagged(anonymous.clone()));

        testing::headers(&[("x-owner", "ada")]);
        assert_eq!(tag_upload(event), tagged(anonymous.set("owner", "ada")));
    }

    fn tagged(metadata: Metadata) -> Result<CreateDecision, HookError> {
        Ok(CreateDecision::proceed().with_metadata(metadata))
    }
}
