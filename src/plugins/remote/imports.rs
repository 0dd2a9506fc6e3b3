//! Whether a module can work with what it is granted, by what its artifact says
//! that it imports: known before the module is fetched.
//!
//! A module that imports more than its artifact says gains nothing by it: the
//! grants are checked again when it is loaded and at every call.

use crate::oci::WasmConfig;
use crate::plugins::manifest::Manifest;
use crate::plugins::module::is_offered;
use crate::plugins::needs::Need;
use crate::plugins::tally::Capability;

/// What is missing, with the lines to write, if anything is.
pub(super) fn check(config: &WasmConfig, manifest: &Manifest) -> Result<(), String> {
    let Some(component) = &config.component else {
        return Ok(());
    };
    let imports = component.imports.iter().map(String::as_str);
    let unknown: Vec<_> = imports.filter(|name| !is_offered(name)).collect();
    if !unknown.is_empty() {
        return Err(format!(
            "it imports {}, which this server does not offer, so it is not fetched",
            unknown.join(", ")
        ));
    }
    // A secret that is missing is a matter of the call: not every call reads one.
    let missing: Vec<String> = Need::of(&component.imports, manifest)
        .into_iter()
        .filter(|need| !need.is_granted && need.capability != Capability::Secrets.name())
        .map(|need| {
            let mut lines = need.lines.lines();
            let table = lines.next().unwrap_or_default();
            let keys: Vec<_> = lines.collect();
            format!(
                "it imports {} and is not granted it; write {table} with {}",
                need.import,
                keys.join(" and ")
            )
        })
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("{}; it is not fetched", missing.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::ComponentConfig;
    use crate::plugins::HttpGrant;

    fn config(imports: &[&str]) -> WasmConfig {
        WasmConfig {
            component: Some(ComponentConfig {
                imports: imports.iter().map(|name| (*name).to_owned()).collect(),
                ..ComponentConfig::default()
            }),
            ..WasmConfig::default()
        }
    }

    #[test]
    fn what_is_imported_must_be_offered_and_granted() {
        let none = Manifest::default();
        let mut http = Manifest::default();
        http.allow.http = Some(HttpGrant::of(vec!["https://example.com".to_owned()]));
        let outgoing = config(&["wasi:io/streams@0.2.6", "wasi:http/outgoing-handler@0.2.6"]);
        assert!(check(&outgoing, &http).is_ok());
        let error = check(&outgoing, &none).unwrap_err();
        assert!(error.contains("write [allow.http] with servers"), "{error}");
        let error = check(&config(&["wasi:nn/graph@0.2.0"]), &http).unwrap_err();
        assert!(error.contains("imports wasi:nn/graph@0.2.0"), "{error}");
        assert!(check(&config(&["rustus:hooks/log@0.1.0"]), &none).is_ok());
        assert!(check(&WasmConfig::default(), &none).is_ok());
    }
}
