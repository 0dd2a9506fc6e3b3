//! Header fields of the request, which hooks ask for.

use std::fs;
use std::process::Command;

use super::serving;
use crate::harness::programs::is_there;
use crate::harness::project::Project;

/// The file of a hook that tells who asks, and what was tagged. It says so if the
/// list of all fields has other tags.
fn telltale(language: &str) -> (&'static str, &'static str) {
    match language {
        "python" => (
            "app.py",
            r#"from rustus_hook import pre_create, reject


@pre_create
def tell(event):
    request = event.request
    tags = request.header_values("X-Tag")
    listed = [value for name, value in request.headers if name == "x-tag"]
    assert listed == tags, listed
    return reject(403, f"{request.header('Authorization') or 'nobody'}: {','.join(tags)}")
"#,
        ),
        "javascript" => (
            "src/hook.js",
            r#"import * as rustus from "rustus-hook";

export const preCreate = rustus.preCreate(({ request }) => {
  const tags = request.headerValues("X-Tag").join();
  const listed = request.headers.filter(([name]) => name === "x-tag").map(([, value]) => value);
  if (listed.join() !== tags) {
    throw new Error(listed.join());
  }
  return rustus.reject(403, `${request.header("Authorization") ?? "nobody"}: ${tags}`);
});
"#,
        ),
        _ => (
            "hook.c",
            r#"#include "rustus_hook/rustus_hook.h"

rustus_answer_t rustus_pre_create(const rustus_event_t *event) {
  const char *who = rustus_header(event, "Authorization");
  const char *told = rustus_format("%s:", who == NULL ? "nobody" : who);
  const char *const *tag = rustus_header_values(event, "X-Tag");
  for (const char *between = " "; *tag != NULL; tag++, between = ",") {
    told = rustus_format("%s%s%s", told, between, *tag);
  }
  return rustus_reject(403, told);
}
"#,
        ),
    }
}

pub(super) fn a_hook_reads_the_fields_of_its_own_request_and_of_no_other(language: &str) {
    let Some(project) = Project::new(language) else {
        return;
    };
    let (file, text) = telltale(language);
    fs::write(project.path().join(file), text).unwrap();
    for instances in ["fresh", "reuse"] {
        let (_server, tus) = serving(&project, &format!("instances = \"{instances}\"\n"));
        let told = |fields: &[(&str, &str)]| {
            let response = tus.post(&[&[("upload-length", "5")], fields].concat());
            assert_eq!(response.status(), 403, "{instances}");
            response.text().unwrap().trim_end().to_owned()
        };
        let of_ann = [
            ("authorization", "Bearer ann"),
            ("x-tag", "one"),
            ("x-other", "three"),
            ("X-Tag", "two"),
        ];
        assert_eq!(told(&of_ann), "Bearer ann: one,two", "{instances}");
        assert_eq!(told(&[]), "nobody:", "{instances}");
        assert_eq!(told(&[("x-tag", "ü")]), "nobody: ü", "{instances}");
    }
}

const IN_PYTHON: &str = r#"
from rustus_hook import testing
of_pairs = testing.event(headers=[("X-Tag", "one"), ("x-other", "three"), ("x-tag", "two")])
assert of_pairs.request.header_values("X-TAG") == ["one", "two"]
assert of_pairs.request.header("X-Tag") == "one"
assert of_pairs.request.headers[0] == ("x-tag", "one")
of_table = testing.event(headers={"X-Tag": "one"})
assert of_table.request.headers == [("x-tag", "one")]
assert testing.event().request.header("x-tag") is None
"#;

const IN_JAVASCRIPT: &str = r#"
import assert from "node:assert/strict";
import { preCreate } from "./sdk/javascript/rustus-hook/index.js";
import { event } from "./sdk/javascript/rustus-hook/testing.js";
const read = (headers) => {
  let read;
  preCreate(({ request }) => {
    read = [request.header("X-Tag"), request.headerValues("X-TAG"), request.headers];
  }).decide(event({ headers }));
  return read;
};
const pairs = [["X-Tag", "one"], ["x-tag", "two"]];
assert.deepEqual(read(pairs), ["one", ["one", "two"], [["x-tag", "one"], ["x-tag", "two"]]]);
assert.deepEqual(read({ "X-Tag": "one" }), ["one", ["one"], [["x-tag", "one"]]]);
assert.deepEqual(read(undefined), [undefined, [], []]);
"#;

#[test]
fn a_native_test_reads_the_fields_that_it_gave_the_event() {
    for (program, arguments, script) in [
        ("python3", &["-c"][..], IN_PYTHON),
        ("node", &["--input-type=module", "-e"], IN_JAVASCRIPT),
    ] {
        if !is_there(program, "--version") {
            continue;
        }
        let output = Command::new(program)
            .args(arguments)
            .arg(script)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PYTHONPATH", "sdk/python")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}");
    }
}
