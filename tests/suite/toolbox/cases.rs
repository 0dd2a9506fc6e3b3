//! Cases that are files.

use serde_json::Value;

use super::{cases, run};
use crate::harness::guests::built;

#[test]
fn a_case_that_fails_says_what_was_expected_and_what_came() {
    let directory = cases(&[
        (
            "good.toml",
            "event = \"pre-create\"\n[expect]\ndecision = \"proceed\"\n",
        ),
        (
            "wrong.toml",
            "event = \"pre-create\"\n[upload]\nmetadata = { meme = \"pepe\" }\n[expect]\n\
             decision = \"reject\"\nstatus = 415\n",
        ),
        ("torn.toml", "event = \"pre-create\"\n[expect\n"),
        (
            "deaf.toml",
            "event = \"post-finish\"\n[expect]\ndecision = \"done\"\n",
        ),
        ("notes.txt", "no case"),
    ]);
    let place = directory.path().to_str().unwrap();
    let module = built("refuse-meme");
    let module = module.to_str().unwrap();
    let (code, out, err) = run(&["test", place, "--plugin", module]);
    assert_eq!(code, Some(1), "{out}{err}");
    for part in [
        "running 4 cases",
        "test good ... ok",
        "test wrong ... FAILED",
        "expected status 415, got 400",
        "torn.toml: line 2",
        "refuse-meme does not hear of post-finish",
        "1 passed; 3 failed",
    ] {
        assert!(out.contains(part), "{out}");
    }
    let (code, out, _) = run(&["test", place, "--plugin", module, "--json"]);
    assert_eq!(code, Some(1));
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[4]["failed"], 3);
    assert_eq!(lines[3]["problems"][0], "expected status 415, got 400");

    for (arguments, part) in [
        (&["test", place][..], "--plugin"),
        (&["test", "/no/such", "--plugin", module], "can't be read"),
        (
            &["test", place, "--plugin", "/no/such.wasm"],
            "can't be read",
        ),
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, Some(1));
        assert!(err.contains(part), "{err}");
    }
}

#[test]
fn a_case_may_bring_a_configuration_of_its_own() {
    let case = |config: &str, owner: &str| {
        format!(
            "event = \"pre-create\"\n[request]\nheaders = {{ x-user = \"ann\" }}\n{config}\
             [expect]\ndecision = \"proceed\"\nmetadata = {{ {owner} }}\n"
        )
    };
    let directory = cases(&[
        (
            "own.toml",
            &case("[config]\nowner-header = \"x-user\"\n", "owner = \"ann\""),
        ),
        ("none.toml", &case("", "")),
    ]);
    let module = built("tag-upload");
    let place = directory.path().to_str().unwrap();
    let (code, out, _) = run(&["test", place, "--plugin", module.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{out}");
}
