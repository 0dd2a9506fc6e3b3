use std::time::Duration;

use super::super::limits::MIB;
use super::*;

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
}

#[test]
fn every_key_is_read() {
    let manifest = Manifest::parse(
        r#"
        order = -5
        on-error = "allow"
        instances = "reuse"
        events = ["pre-create", "post-finish"]
        trial = false
        [limits]
        memory-mib = 8
        cpu-time-ms = 50
        wall-time-ms = 100
        host-allocation-kib = 64
        concurrent-calls = 3
        output-kib = 1
        module-mib = 2
        [breaker]
        enabled = false
        failures = 3
        open-ms = 20
        max-open-ms = 40
        [secrets]
        token = { env = "TOKEN" }
        key = { file = "/run/secrets/key" }
        [config]
        message = "no"
        nested = { list = [1, 2] }
        "#,
    )
    .unwrap();
    assert_eq!(manifest.order, -5);
    assert_eq!(manifest.on_error, OnError::Allow);
    assert_eq!(manifest.instances, Instances::Reuse);
    assert_eq!(manifest.events.to_string(), "pre-create, post-finish");
    assert!(!manifest.trial);
    assert_eq!(
        manifest.limits,
        Limits {
            memory: 8 * MIB,
            cpu_time: Duration::from_millis(50),
            wall_time: Duration::from_millis(100),
            host_allocation: 64 * 1024,
            concurrent_calls: 3,
            output: 1024,
            module: 2 * MIB,
        }
    );
    let breaker = BreakerSettings {
        enabled: false,
        failures: 3,
        open: Duration::from_millis(20),
        max_open: Duration::from_millis(40),
    };
    assert_eq!(manifest.breaker, breaker);
    let secrets = [
        ("key", SecretSource::File("/run/secrets/key".into())),
        ("token", SecretSource::Env("TOKEN".to_owned())),
    ];
    let secrets = secrets.map(|(name, source)| (name.to_owned(), source));
    assert_eq!(manifest.secrets, BTreeMap::from(secrets));
    assert_eq!(
        Value::Object(manifest.config).to_string(),
        r#"{"message":"no","nested":{"list":[1,2]}}"#
    );
}

#[test]
fn what_is_wrong_is_said_with_what_was_expected() {
    for (text, parts) in [
        ("on-error = \"ignore\"", ["ignore", "`reject`, `allow`"]),
        ("instances = 3", ["wanted string", "line 1"]),
        (
            "[limits]\nmemory-mib = 0",
            ["line 2: `memory-mib`", "between 1 and 1024"],
        ),
        (
            "[limits]\nwall-time-ms = 1",
            ["wall-time-ms", "between 10 and 600000"],
        ),
        (
            "[breaker]\n\nfailures = 0",
            ["line 3: `failures` under [breaker]", "between 1 and 10000"],
        ),
        ("order = ", ["line 1", "value"]),
        (
            "[secrets]\na = {}",
            ["line 2: `a` under [secrets]", "`{ env = \"NAME\" }`"],
        ),
        (
            "secrets.a = { env = \"A\", file = \"b\" }",
            ["`a` under [secrets]", "one of"],
        ),
        (
            "secrets.a = { env = \"A=B\" }",
            ["`a` under [secrets]", "no name of a variable"],
        ),
    ] {
        let message = Manifest::parse(text).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}

#[test]
fn a_wrong_key_is_told_with_its_line_and_the_right_one() {
    for (text, message) in [
        (
            "ordr = 1",
            "line 1: unknown key `ordr`, did you mean `order`?",
        ),
        (
            "\n[limits]\nmemory = 5",
            "line 3: unknown key `memory` under [limits], did you mean `memory-mib`?",
        ),
        (
            "limits = { cpu_time_ms = 5 }",
            "line 1: unknown key `cpu_time_ms` under [limits], did you mean `cpu-time-ms`?",
        ),
        (
            "[limits]\n[breaker]\norder = 1",
            "line 3: unknown key `order` under [breaker]; it belongs above the first table of \
             the file",
        ),
        (
            "open-ms = 3",
            "line 1: unknown key `open-ms`; it belongs under [breaker]",
        ),
        (
            "[allow.http]\nserver = [\"http://a\"]",
            "line 2: unknown key `server` under [allow.http], did you mean `servers`?",
        ),
        (
            "[allow]\nhtpp = {}",
            "line 2: unknown key `htpp` under [allow], did you mean `http`?",
        ),
        (
            "allow.kafka.brokres = []",
            "line 1: unknown key `brokres` under [allow.kafka], did you mean `brokers`?",
        ),
        (
            "allow.amqp.urls = \"amqp://a:geheim@b\"",
            "line 1: unknown key `urls` under [allow.amqp], did you mean `url`?",
        ),
        (
            "allow.grpc.endpiont = \"a:1\"",
            "line 1: unknown key `endpiont` under [allow.grpc], did you mean `endpoint`?",
        ),
        (
            "[secrets]\nx = { enw = \"A\" }",
            "line 2: unknown key `enw` under [secrets.x], did you mean `env`?",
        ),
        (
            "events = [\"pre-create\",\n\"post-finnish\"]",
            "line 2: unknown value `post-finnish` in `events`, did you mean `post-finish`?",
        ),
        (
            "on-error = \"alow\"",
            "line 1: unknown value `alow` of `on-error`, did you mean `allow`?",
        ),
        (
            "colour = 1",
            "line 1: unknown key `colour`; expected one of `order`, `on-error`, `instances`, \
             `events`, `trial`, `limits`, `config`, `secrets`, `breaker`, `allow`",
        ),
    ] {
        assert_eq!(Manifest::parse(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_secret_that_was_written_out_is_not_repeated() {
    let wrong = Manifest::parse("[secrets]\ntoken = \"geheim\"").unwrap_err();
    let message = wrong.to_string();
    assert!(message.starts_with("line 2: `token`"), "{message}");
    assert!(message.contains("{ env = \"NAME\" }"), "{message}");
    assert!(!message.contains("geheim"), "{message}");
}

#[test]
fn any_key_may_stand_under_config() {
    let text = "[config]\nordr = 1\nlimits = { x = 1 }\n[config.secrets]\na = 1";
    assert_eq!(Manifest::parse(text).unwrap().config.len(), 3);
}
