//! What is posted, field by field, and what the answers do.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{posting_to, start};
use crate::harness::fastapi::FastApi;
use crate::harness::guests::install;
use crate::harness::receiver::{Answer, Receiver, Request};
use crate::harness::server::Setup;
use crate::harness::tus::{Tus, header};

fn values<'a>(request: &'a Request, name: &str) -> Vec<&'a str> {
    let named = request.headers.iter().filter(|(field, _)| field == name);
    named.map(|(_, value)| value.as_str()).collect()
}

/// The request of one event.
fn of<'a>(requests: &'a [Request], event: &str) -> &'a Request {
    let found = requests
        .iter()
        .find(|request| request.header("hook-name") == Some(event));
    found.unwrap_or_else(|| panic!("no {event}: {requests:#?}"))
}

#[test]
fn every_event_is_posted_under_its_name() {
    const ALL: [&str; 8] = [
        "pre-create",
        "post-create",
        "post-receive",
        "pre-finish",
        "post-finish",
        "pre-get",
        "pre-terminate",
        "post-terminate",
    ];
    let receiver = Receiver::start(|_| Answer::status(204));
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", &ALL.join(",")]);
    let (_server, tus) = start(&setup);
    let url = tus.location(&tus.create_with(4, &[("filename", "a.txt")]));
    assert_eq!(tus.patch(&url, 0, "ab").status(), 204);
    receiver.wait_for(3);
    assert_eq!(tus.patch(&url, 2, "cd").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcd");
    assert_eq!(tus.delete(&url).status(), 204);

    let requests = receiver.wait_for(8);
    assert_eq!(requests.len(), 8, "{requests:#?}");
    let id = url.rsplit('/').next().unwrap();
    for event in ALL {
        let request = of(&requests, event);
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/hooks")
        );
        assert_eq!(values(request, "content-type"), ["application/json"]);
        assert_eq!(values(request, "host"), [receiver.address().to_string()]);
        let length = request.body.len().to_string();
        assert_eq!(values(request, "content-length"), [length.as_str()]);
        let key = request.header("idempotency-key").unwrap();
        let trace = key.replace('-', "");
        let parent = request.header("traceparent").unwrap();
        assert!(
            parent.starts_with(&format!("00-{trace}-")),
            "{parent} {key}"
        );
        assert_eq!(parent.len(), 55);
        assert!(values(request, "webhook-signature").is_empty());
        let body = request.json();
        assert_eq!(body["upload"]["id"], id);
        assert_eq!(body["upload"]["metadata"], json!({"filename": "a.txt"}));
        assert_eq!(body["request"]["remote_addr"], "127.0.0.1");
    }
    let keys: std::collections::BTreeSet<_> = requests
        .iter()
        .map(|request| request.header("idempotency-key"))
        .collect();
    assert_eq!(keys.len(), 8, "each event has an id of its own");
    assert_eq!(of(&requests, "post-receive").json()["upload"]["offset"], 2);
    assert_eq!(of(&requests, "pre-get").json()["request"]["method"], "GET");
}

#[test]
fn without_the_flag_of_events_neither_finish_nor_get_is_asked() {
    let receiver = Receiver::start(|_| Answer::status(204));
    let (_server, tus) = start(&posting_to(&[&receiver]));
    let url = tus.location(&tus.create_with(0, &[]));
    assert_eq!(tus.get(&url).status(), 200);
    assert_eq!(tus.delete(&url).status(), 204);
    let names: std::collections::BTreeSet<_> = receiver
        .wait_for(4)
        .iter()
        .map(|request| request.header("hook-name").unwrap().to_owned())
        .collect();
    let expected = [
        "post-finish",
        "post-terminate",
        "pre-create",
        "pre-terminate",
    ];
    assert_eq!(names, expected.map(str::to_owned).into());
}

#[test]
fn a_refusal_reaches_the_client_as_the_service_wrote_it() {
    let receiver = Receiver::start(|_| {
        let fields = [
            ("Content-Type", "application/problem+json"),
            ("X-Internal", "secret"),
        ];
        Answer::with(422, &fields, br#"{"title": "no"}"#)
    });
    let (server, tus) = start(&posting_to(&[&receiver]));
    let refused = tus.create_with(3, &[]);
    assert_eq!(refused.status(), 422);
    assert_eq!(header(&refused, "content-type"), "application/problem+json");
    assert_eq!(header(&refused, "x-internal"), "");
    assert_eq!(refused.text().unwrap(), r#"{"title": "no"}"#);
    assert!(server.stored_files().is_empty());
    assert_eq!(receiver.requests().len(), 1, "a refusal is final");

    receiver.tell(|_| Answer::status(500));
    assert_eq!(tus.create_with(3, &[]).status(), 500);
    assert_eq!(receiver.requests().len(), 2, "an answer is an answer");
}

#[test]
fn a_redirect_is_no_approval() {
    let receiver = Receiver::start(|request| match request.path.as_str() {
        "/hooks" => Answer::redirect(307, "/yes"),
        _ => Answer::status(204),
    });
    let (server, tus) = start(&posting_to(&[&receiver]));
    assert_eq!(tus.create_with(3, &[]).status(), 503);
    let line = server.wait_for_log("a plugin did not answer");
    assert!(line.contains("a redirect is no approval"), "{line}");
    assert_eq!(receiver.requests().len(), 1, "it is not followed");

    let setup = posting_to(&[&receiver]).argument("--hooks-http-follow-redirects");
    let (_server, tus) = start(&setup.arguments(&["--hooks", "pre-create"]));
    assert_eq!(tus.create_with(3, &[]).status(), 201);
    let requests = receiver.requests();
    let followed = &requests[2];
    assert_eq!(
        (followed.method.as_str(), followed.path.as_str()),
        ("POST", "/yes")
    );
    assert_eq!(followed.body, requests[1].body);
    assert_eq!(followed.header("hook-name"), Some("pre-create"));

    // The method and the body of these are not kept, and elsewhere is not allowed.
    let other = Receiver::start(|_| Answer::status(204));
    for (status, to) in [(302, "/yes".to_owned()), (307, other.url("/yes"))] {
        receiver.tell(move |_| Answer::redirect(status, &to));
        assert_eq!(tus.create_with(3, &[]).status(), 503, "{status}");
    }
    assert!(other.requests().is_empty());
}

#[test]
fn header_fields_of_the_client_go_along_if_the_operator_says_so() {
    let receiver = Receiver::start(|_| Answer::status(204));
    let setup = posting_to(&[&receiver])
        .arguments(&["--hooks", "pre-create"])
        .arguments(&[
            "--hooks-http-proxy-headers",
            "Authorization, X-Tag, Hook-Name",
        ]);
    let (_server, tus) = start(&setup);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let sent = [
        ("Upload-Length", "3"),
        ("Authorization", "Bearer jwt"),
        ("X-Tag", "one"),
        ("X-Tag", "two"),
        ("X-Other", "three"),
        ("Hook-Name", "mine"),
        ("traceparent", parent),
    ];
    assert_eq!(tus.post(&sent).status(), 201);
    let request = &receiver.wait_for(1)[0];
    assert_eq!(values(request, "authorization"), ["Bearer jwt"]);
    assert_eq!(values(request, "x-tag"), ["one", "two"]);
    assert!(values(request, "x-other").is_empty());
    assert_eq!(values(request, "hook-name"), ["pre-create"]);
    assert_eq!(values(request, "traceparent"), [parent]);

    let preflight = [
        ("Origin", "https://a.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    let answer = tus.send("OPTIONS", tus.files(), &preflight, "");
    let allowed = header(&answer, "access-control-allow-headers").to_ascii_lowercase();
    let names: Vec<_> = allowed.split(", ").collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| **name == "authorization")
            .count(),
        1
    );
    assert!(names.contains(&"x-tag"), "{allowed}");
}

#[test]
fn variables_set_up_the_same() {
    let receiver = Receiver::start(|_| Answer::status(204));
    let setup = Setup::new()
        .variable("RUSTUS_HOOKS", "pre-create")
        .variable("RUSTUS_HOOKS_HTTP_URLS", &receiver.url("/a?b=c"))
        .variable("RUSTUS_HOOKS_HTTP_PROXY_HEADERS", "X-Tag")
        .variable("RUSTUS_HTTP_HOOK_TIMEOUT", "60")
        .variable("RUSTUS_HOOKS_HTTP_RETRY", "1")
        .variable("RUSTUS_HOOKS_HTTP_BACKOFF", "10ms");
    let (_server, tus) = start(&setup);
    assert_eq!(
        tus.post(&[("Upload-Length", "3"), ("X-Tag", "one")])
            .status(),
        201
    );
    let request = &receiver.wait_for(1)[0];
    assert_eq!(request.path, "/a?b=c");
    assert_eq!(values(request, "x-tag"), ["one"]);
    receiver.tell(|_| Answer::drop_connection());
    assert_eq!(tus.create_with(3, &[]).status(), 503);
    assert_eq!(receiver.requests().len(), 3, "one attempt and one more");
}

#[test]
fn a_signature_is_one_of_standard_webhooks() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let key = b"a key of thirty-two bytes, or so";
    let secret = format!("whsec_{}", STANDARD.encode(key));
    let receiver = Receiver::start(|_| Answer::status(204));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{secret}\n")).unwrap();
    let by_flag = ["--hooks-http-secret", secret.as_str()];
    let by_file = ["--hooks-http-secret-file", file.path().to_str().unwrap()];
    for (round, flags) in [by_flag, by_file].iter().enumerate() {
        let setup = posting_to(&[&receiver]).arguments(&["--hooks", "pre-create"]);
        let (server, tus) = start(&setup.arguments(flags));
        assert_eq!(tus.create_with(3, &[]).status(), 201);
        let request = &receiver.wait_for(round + 1)[round];
        let id = request.header("webhook-id").unwrap();
        assert_eq!(Some(id), request.header("idempotency-key"));
        let time = request.header("webhook-timestamp").unwrap();
        let body = String::from_utf8(request.body.clone()).unwrap();
        let mac = hmac(key, format!("{id}.{time}.{body}").as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac));
        assert_eq!(request.header("webhook-signature"), Some(expected.as_str()));
        let log = server.terminate_and_read();
        assert!(!log.contains(&secret[6..]), "{log}");
    }
}

/// RFC 2104, from its text.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner);
    outer.finalize().to_vec()
}

/// A server with the module of the sink in its directory, once for each format.
fn in_each_format(receiver: &Receiver, formats: &[&str]) -> (crate::harness::server::Server, Tus) {
    let setup = Setup::new().with_hooks();
    for format in formats {
        install(&setup.hooks_dir(), "http", format);
        let manifest = format!(
            "events = [\"pre-create\"]\ntrial = false\nlimits.wall-time-ms = 60000\n\
             [config]\nurls = [\"{}\"]\nformat = \"{format}\"\ntimeout-ms = 50000\n\
             [allow.http]\nservers = [\"{}\"]\n",
            receiver.url(&format!("/{format}")),
            receiver.url(""),
        );
        std::fs::write(setup.hooks_dir().join(format!("{format}.toml")), manifest).unwrap();
    }
    start(&setup)
}

#[test]
fn the_module_serves_from_the_directory_under_several_names_in_each_format() {
    let receiver = Receiver::start(|_| Answer::status(204));
    let formats = ["cloudevents", "default", "tusd", "tusd-v2", "v2"];
    let (_server, tus) = in_each_format(&receiver, &formats);
    assert_eq!(tus.create_with(3, &[]).status(), 201);
    let requests = receiver.wait_for(5);
    let body = |format: &str| -> (Value, &str) {
        let path = format!("/{format}");
        let request = requests
            .iter()
            .find(|request| request.path == path)
            .unwrap();
        (request.json(), request.header("content-type").unwrap())
    };
    assert_eq!(body("default").0["request"]["URI"], "/files");
    assert_eq!(body("v2").0["request"]["uri"], "/files");
    assert_eq!(body("tusd").0["HTTPRequest"]["Method"], "POST");
    assert_eq!(body("tusd-v2").0["Type"], "pre-create");
    let (event, content_type) = body("cloudevents");
    assert_eq!(event["type"], "dev.rustus.upload.pre-create");
    assert_eq!(content_type, "application/cloudevents+json");
    assert_eq!(body("v2").1, "application/json");
}

#[test]
fn the_answer_of_a_hook_of_tusd_is_honoured() {
    let receiver = Receiver::start(|request| {
        let metadata = &request.json()["Event"]["Upload"]["MetaData"];
        let answer = match metadata["want"].as_str() {
            Some("refuse") => json!({
                "RejectUpload": true,
                "HTTPResponse": {"StatusCode": 418, "Body": "tea", "Header": {"X-Why": "pot"}},
            }),
            Some("change") => json!({
                "ChangeFileInfo": {"ID": "mine", "MetaData": {"owner": "ann"}},
                "HTTPResponse": {"Header": {"X-Why": "so"}},
            }),
            Some("garbage") => return Answer::with(200, &[], b"ok"),
            _ => json!({}),
        };
        Answer::json(200, &answer)
    });
    let (server, tus) = in_each_format(&receiver, &["tusd-v2"]);
    let refused = tus.create_with(3, &[("want", "refuse")]);
    assert_eq!(
        (refused.status().as_u16(), header(&refused, "x-why")),
        (418, "pot")
    );
    assert_eq!(refused.text().unwrap(), "tea");
    let changed = tus.create_with(3, &[("want", "change")]);
    assert_eq!(
        (changed.status().as_u16(), header(&changed, "x-why")),
        (201, "so")
    );
    let url = tus.location(&changed);
    assert!(url.ends_with("/mine"), "{url}");
    let kept = tus.head(&url);
    assert_eq!(header(&kept, "upload-metadata"), "owner YW5u");
    assert_eq!(tus.create_with(3, &[]).status(), 201);
    assert_eq!(tus.create_with(3, &[("want", "garbage")]).status(), 503);
    server.wait_for_log("expected nothing, or a JSON object");
}

#[test]
fn the_example_with_fastapi_lets_in_who_has_the_token() {
    let Some(fastapi) = FastApi::start() else {
        return;
    };
    let setup = Setup::new()
        .arguments(&["--hooks-http-urls", &fastapi.url()])
        .arguments(&["--hooks-http-proxy-headers", "Authorization"])
        .arguments(&["--http-hook-timeout", "60"])
        .arguments(&["--hooks", "pre-create,post-create"]);
    let (_server, tus) = start(&setup);
    let length = ("Upload-Length", "3");
    let refused = tus.post(&[length]);
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.text().unwrap(), r#"{"detail":"Unauthorized"}"#);
    assert_eq!(
        tus.post(&[length, ("Authorization", "Bearer jwt")])
            .status(),
        201
    );
    crate::harness::eventually("the creation is told", || {
        fastapi.received() == ["pre-create", "pre-create", "post-create"]
    });
}
