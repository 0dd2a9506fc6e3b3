use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use serde_json::json;

use super::super::built_in::Sink;
use super::super::directory::Place;
use super::super::events::EventKind;
use super::super::loader::{Calling, Loader, Source};
use super::super::secrets::{SecretSource, Secrets};
use super::super::{Capability, trial};
use super::*;

/// The sink for Kafka, whose operator gave it nothing.
fn source(tally: &Arc<Tally>, secrets: Secrets) -> Source {
    let mut manifest = Manifest::default();
    let config = json!({ "topic": "geheim-topic" });
    manifest.config = config.as_object().cloned().unwrap_or_default();
    Source {
        name: "sends".to_owned(),
        file: "sends.wasm".to_owned(),
        place: Place::Directory,
        bytes: Sink::Kafka.module().to_vec(),
        manifest,
        secrets: Arc::new(secrets),
        schema: None,
        tally: Arc::clone(tally),
    }
}

#[test]
fn denials_are_counted_by_capability_over_all_generations_and_name_no_secret() {
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("secret");
    fs::write(&file, "geheim").unwrap();
    let secrets = BTreeMap::from([("key".to_owned(), SecretSource::File(file))]);
    let secrets = Secrets::read(&secrets).unwrap();
    let loader = Loader::new(cache.path(), Calling::default()).unwrap();
    // What is lent has a runtime of its own, which must not end inside of one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let tally = Arc::default();
    for number in 1..=2 {
        let loading = loader.load(source(&tally, secrets.clone()), number);
        let generation = runtime.block_on(loading).unwrap().generation;
        let event = trial::example(EventKind::PostCreate);
        let telling = generation.tell(&event);
        let failure = runtime.block_on(telling).unwrap_err().to_string();
        assert!(failure.contains("under [allow.kafka]"), "{failure}");
        assert!(!failure.contains("geheim"), "{failure}");
        for capability in Capability::ALL {
            let denied = ("denied", number);
            let denied = generation.tally().requests(capability).contains(&denied);
            assert_eq!(
                denied,
                capability == Capability::Kafka,
                "{}",
                capability.name()
            );
        }
        assert_eq!(generation.breaker(), BreakerState::Closed);
        assert_eq!(generation.tally().breaker_opened.get(), 0);
    }
}
