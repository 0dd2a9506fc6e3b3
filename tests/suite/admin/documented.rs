//! What is written about the admin address is true: its OpenAPI description,
//! docs/metrics.md and the Grafana board.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::start;
use crate::harness::admin::Admin;
use crate::harness::guests::{install, replace};
use crate::harness::markdown::{quoted, rows};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, Setup};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A server of which there is something to see: plugins that serve, failed and
/// were refused, and a sink that does not work.
fn eventful() -> (Server, Admin) {
    let receiver = Receiver::start(|_| Answer::drop_connection());
    let setup = Setup::new().with_hooks().with_admin().arguments(&[
        "--hooks-http-urls",
        &receiver.url("/hooks"),
        "--hooks-http-retry",
        "0",
    ]);
    install(&setup.hooks_dir(), "hostile", "hostile");
    replace(&setup.hooks_dir().join("broken.wasm"), b"no module");
    let (server, tus, admin) = start(&setup);
    assert_eq!(admin.json("POST", "/plugins/http/disable").0, 200);
    assert_eq!(tus.create_with(3, &[("behave", "trap")]).status(), 503);
    let url = tus.create(3);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(admin.json("POST", "/plugins/http/enable").0, 200);
    assert_eq!(tus.create_with(3, &[]).status(), 503);
    (server, admin)
}

/// The schema at `pointer` of the description, with all that it refers to.
fn validator(openapi: &Value, schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = openapi["components"].clone();
    jsonschema::validator_for(&whole).unwrap()
}

#[test]
fn every_answer_is_as_the_description_says() {
    let (_server, admin) = eventful();
    let (_, openapi) = admin.json("GET", "/openapi.json");
    assert_eq!(openapi["openapi"], "3.1.0");
    let mut checked = 0;
    for (path, item) in openapi["paths"].as_object().unwrap() {
        for method in ["get", "post"] {
            let Some(responses) = item[method]["responses"].as_object() else {
                continue;
            };
            for (name, headers) in [
                ("hostile", &[][..]),
                ("broken", &[]),
                ("http", &[]),
                ("nobody", &[]),
                ("hostile", &[("Origin", "https://evil.example")]),
            ] {
                let path = path.replace("{name}", name);
                let answer = admin.send(&method.to_uppercase(), &path, headers);
                let status = answer.status().as_u16().to_string();
                let described = responses.get(&status);
                let described = described.unwrap_or_else(|| panic!("{method} {path}: {status}"));
                let kind = answer.headers()["content-type"].to_str().unwrap();
                let kind = kind.split(';').next().unwrap().to_owned();
                let schema = &described["content"][&kind]["schema"];
                assert!(schema.is_object(), "{method} {path}: {status} {kind}");
                if kind == "application/json" {
                    let value: Value = serde_json::from_reader(answer).unwrap();
                    let validator = validator(&openapi, schema);
                    let errors: Vec<_> = validator.iter_errors(&value).collect();
                    assert!(errors.is_empty(), "{method} {path}: {errors:?}\n{value:#}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked >= 40, "{checked}");
    // The checks above would hold of anything if this did not fail.
    let schema = json!({ "$ref": "#/components/schemas/Plugin" });
    assert!(!validator(&openapi, &schema).is_valid(&json!({ "name": "x" })));
}

#[test]
fn every_path_of_the_server_is_described_and_no_other() {
    let code = read("src/server/admin/routes.rs");
    let served: BTreeSet<(String, String)> = ["get", "post"]
        .into_iter()
        .flat_map(|method| {
            let call = format!(".service({method}(\"");
            let calls = code.split(call.as_str()).skip(1);
            let paths = calls.map(|rest| rest.split('"').next().unwrap().to_owned());
            paths
                .map(|path| (method.to_owned(), path))
                .collect::<Vec<_>>()
        })
        .collect();
    let openapi: Value = serde_json::from_str(&read("src/server/admin/openapi.json")).unwrap();
    let described: BTreeSet<(String, String)> = openapi["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            let methods = methods.filter(|method| *method != "parameters");
            methods
                .map(|method| (method.clone(), path.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(served.len() >= 8, "{served:?}");
    assert_eq!(described, served);
}

#[test]
fn docs_metrics_has_every_metric_with_its_labels_and_no_other() {
    let (_server, admin) = eventful();
    let metrics = admin.metrics();
    let documented: Vec<(String, String, String)> = rows(&read("docs/metrics.md"))
        .filter(|cells| cells.len() == 4 && cells[0].starts_with("`rustus_"))
        .map(|cells| {
            let name = quoted(cells[0]).next().unwrap().to_owned();
            let labels: BTreeSet<&str> = quoted(cells[2]).collect();
            let samples = metrics.0.lines().filter(|line| !line.starts_with('#'));
            let series = |line: &&str| {
                let of = line.split(['{', ' ']).next().unwrap();
                of == name || of.strip_suffix("_count") == Some(&name)
            };
            for line in samples.filter(series) {
                assert_eq!(labels_of(line), labels, "{line}");
            }
            (name, cells[1].to_owned(), cells[3].to_owned())
        })
        .collect();
    assert_eq!(documented, metrics.families());
}

fn labels_of(line: &str) -> BTreeSet<&str> {
    let given = line.split_once('{').map_or("", |(_, rest)| rest);
    let names = given
        .split("=\"")
        .map(|part| part.rsplit([',', '"', '{']).next().unwrap());
    let names: Vec<&str> = names.collect();
    names[..names.len() - 1].iter().copied().collect()
}

#[test]
fn every_outcome_in_the_documentation_stands_in_the_code_and_none_is_left_out() {
    let code = read("src/plugins/reached.rs");
    let function = code.split("const fn name(").nth(1).unwrap();
    let function = function.split("\n    }\n").next().unwrap();
    let mut outcomes: BTreeSet<&str> = function.split('"').skip(1).step_by(2).collect();
    outcomes.insert("ok");
    let metrics = read("docs/metrics.md");
    let table =
        crate::harness::markdown::section(&metrics, "## Outcomes of requests to servers outside");
    let documented: BTreeSet<&str> = rows(table)
        .map(|cells| quoted(cells[0]).next().unwrap())
        .collect();
    assert_eq!(documented, outcomes);
}

#[test]
fn the_board_asks_for_metrics_that_there_are() {
    let (_server, admin) = eventful();
    let text = admin.metrics().0;
    let known: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let board: Value = serde_json::from_str(&read("docs/grafana.json")).unwrap();
    let mut asked = BTreeSet::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let names: Vec<&str> = words.filter(|word| word.starts_with("rustus_")).collect();
            assert!(!names.is_empty(), "{query}");
            for name in names {
                let base = name.strip_suffix("_bucket").unwrap_or(name);
                let base = base.strip_suffix("_count").unwrap_or(base);
                assert!(known.contains(base), "{name} is no metric: {query}");
                asked.insert(base.to_owned());
            }
        }
    }
    assert!(asked.len() >= 15, "{asked:?}");
}
