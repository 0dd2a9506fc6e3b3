//! The layout of the CNCF's Wasm artifact: a manifest with the configuration
//! `application/vnd.wasm.config.v0+json` and one layer `application/wasm`.
//!
//! Layers are told apart by their media type and not by their place: other tools
//! put a licence or a list of parts beside the module.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::OciError;
use super::manifest::{Descriptor, MANIFEST_TYPE, Manifest};
use super::reference::Digest;
use super::wasm::WasmConfig;

/// The configuration's media type.
pub const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";

/// The module's media type.
pub const LAYER_TYPE: &str = "application/wasm";

/// The largest configuration that is read. Names of imports and exports are
/// kilobytes.
const CONFIG: u64 = 1024 * 1024;

/// A manifest that is one of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artifact {
    pub(super) digest: Digest,
    pub(super) config: Descriptor,
    pub(super) layer: Descriptor,
}

/// What tells a manifest from an index, whatever else is in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(default)]
    schema_version: Option<u32>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<Value>,
}

impl Artifact {
    /// Reads a manifest whose digest was checked.
    pub(super) fn parse(bytes: &[u8], digest: Digest) -> Result<Self, OciError> {
        let no = OciError::NoArtifact;
        let kind: Kind = serde_json::from_slice(bytes)
            .map_err(|error| no(format!("its manifest is no JSON object of one ({error})")))?;
        let media_type = kind.media_type.unwrap_or_else(|| MANIFEST_TYPE.to_owned());
        if kind.manifests.is_some() || media_type.contains("index") || media_type.contains(".list.")
        {
            return Err(no(format!(
                "it is an index of several images ({media_type}), and a plugin is one module for \
                 every machine; name the digest of one of them"
            )));
        }
        if kind.schema_version != Some(2) || media_type != MANIFEST_TYPE {
            return Err(no(format!("it is of the type {media_type}")));
        }
        let manifest: Manifest = serde_json::from_slice(bytes)
            .map_err(|error| no(format!("its manifest can't be read ({error})")))?;
        if manifest.config.media_type != CONFIG_TYPE {
            return Err(no(format!(
                "its configuration is of the type {}",
                manifest.config.media_type
            )));
        }
        let types: Vec<_> = manifest
            .layers
            .iter()
            .map(|it| it.media_type.clone())
            .collect();
        let mut modules = manifest.layers.into_iter();
        let mut modules = modules.by_ref().filter(|it| it.media_type == LAYER_TYPE);
        match (modules.next(), modules.next()) {
            (Some(layer), None) => Ok(Self {
                digest,
                config: manifest.config,
                layer,
            }),
            (Some(_), Some(_)) => Err(no(format!(
                "it has more than one layer {LAYER_TYPE}, and it is not said which is the plugin"
            ))),
            (None, _) => Err(no(format!(
                "it has no layer {LAYER_TYPE}; its layers are of the types {}",
                if types.is_empty() {
                    "none".to_owned()
                } else {
                    types.join(", ")
                }
            ))),
        }
    }

    /// Whether all of it is as small as it must be, before any of it is fetched.
    pub(super) fn check_sizes(&self, module: u64) -> Result<(), OciError> {
        let parts = [
            ("the configuration", self.config.size, CONFIG, ""),
            (
                "the module",
                self.layer.size,
                module,
                "; set `module-mib` under [limits] if it is right",
            ),
        ];
        for (what, size, limit, hint) in parts {
            if size > limit {
                return Err(OciError::TooLarge {
                    what,
                    size,
                    limit,
                    hint,
                });
            }
        }
        Ok(())
    }

    /// Reads the configuration, which must be about this module.
    pub(super) fn configuration(&self, bytes: &[u8]) -> Result<WasmConfig, OciError> {
        let config: WasmConfig = serde_json::from_slice(bytes).map_err(|error| {
            OciError::NoArtifact(format!("its configuration can't be read ({error})"))
        })?;
        let module = self.layer.digest.to_string();
        if !config.layer_digests.is_empty() && !config.layer_digests.contains(&module) {
            return Err(OciError::NoArtifact(format!(
                "its configuration is about another module ({})",
                config.layer_digests.join(", ")
            )));
        }
        Ok(config)
    }
}

/// What is put into a registry for a module.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) manifest: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) config: Vec<u8>,
}

impl Written {
    /// The manifest and the configuration of `module`, the same for the same
    /// bytes and annotations.
    pub(super) fn of(
        module: &[u8],
        config: &WasmConfig,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, OciError> {
        let json = |value: serde_json::Result<Vec<u8>>| {
            value.map_err(|error| OciError::NoArtifact(error.to_string()))
        };
        let config = json(serde_json::to_vec(config))?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: None,
            config: Descriptor::of(CONFIG_TYPE, &config),
            layers: vec![Descriptor::of(LAYER_TYPE, module)],
            subject: None,
            annotations,
        };
        let manifest = json(serde_json::to_vec(&manifest))?;
        Ok(Self {
            digest: Digest::of(&manifest),
            manifest,
            config,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn descriptor(media_type: &str, size: u64) -> Value {
        json!({ "mediaType": media_type, "digest": Digest::of(b"x").to_string(), "size": size })
    }

    fn parse(manifest: &Value) -> Result<Artifact, String> {
        let bytes = manifest.to_string();
        Artifact::parse(bytes.as_bytes(), Digest::of(bytes.as_bytes()))
            .map_err(|error| error.to_string())
    }

    fn manifest(config: &str, layers: &[&str]) -> Value {
        let layers: Vec<_> = layers.iter().map(|it| descriptor(it, 5)).collect();
        json!({ "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                "config": descriptor(config, 2), "layers": layers })
    }

    #[test]
    fn a_module_is_found_by_its_type_wherever_it_stands() {
        for layers in [&[LAYER_TYPE][..], &["text/plain", LAYER_TYPE, "x/y"]] {
            assert_eq!(parse(&manifest(CONFIG_TYPE, layers)).unwrap().layer.size, 5);
        }
        let mut untyped = manifest(CONFIG_TYPE, &[LAYER_TYPE]);
        untyped.as_object_mut().unwrap().remove("mediaType");
        parse(&untyped).unwrap();
    }

    #[test]
    fn what_is_no_wasm_artifact_is_refused_with_what_it_is() {
        let index = json!({ "schemaVersion": 2, "manifests": [] });
        let list = json!({ "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json" });
        let docker = json!({ "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json" });
        let mut old = manifest(CONFIG_TYPE, &[LAYER_TYPE]);
        old["schemaVersion"] = json!(1);
        let mut odd = manifest(CONFIG_TYPE, &[LAYER_TYPE]);
        odd["layers"][0]["digest"] = json!("md5:12");
        for (manifest, said) in [
            (index, "an index of several"),
            (list, "an index of several"),
            (docker, "manifest.v2+json"),
            (old, "of the type"),
            (odd, "`md5:12` is no digest"),
            (
                manifest(CONFIG_TYPE, &[LAYER_TYPE, LAYER_TYPE]),
                "more than one layer",
            ),
            (manifest(CONFIG_TYPE, &[]), "types none"),
            (
                manifest(CONFIG_TYPE, &["application/tar"]),
                "types application/tar",
            ),
            (
                manifest("application/vnd.oci.image.config.v1+json", &[LAYER_TYPE]),
                "vnd.oci.image.config",
            ),
            (json!("x"), "no JSON object"),
        ] {
            let error = parse(&manifest).unwrap_err();
            assert!(error.contains(said), "{manifest}: {error}");
            assert!(
                error.contains("application/vnd.wasm.config.v0+json"),
                "{error}"
            );
        }
    }

    #[test]
    fn sizes_are_judged_before_anything_is_fetched() {
        let mut large = manifest(CONFIG_TYPE, &[LAYER_TYPE]);
        let artifact = parse(&large).unwrap();
        assert!(artifact.check_sizes(5).is_ok());
        let error = artifact.check_sizes(4).unwrap_err().to_string();
        assert!(error.contains("module-mib"), "{error}");
        large["config"]["size"] = json!(CONFIG + 1);
        let error = parse(&large)
            .unwrap()
            .check_sizes(5)
            .unwrap_err()
            .to_string();
        assert!(error.contains("the configuration has"), "{error}");
    }

    #[test]
    fn a_configuration_about_another_module_is_refused() {
        let artifact = parse(&manifest(CONFIG_TYPE, &[LAYER_TYPE])).unwrap();
        let about = |digest: &Digest| {
            let config = json!({ "architecture": "wasm", "os": "wasip2",
                "layerDigests": [digest.to_string()] });
            artifact.configuration(config.to_string().as_bytes())
        };
        assert!(about(&Digest::of(b"x")).is_ok());
        let error = about(&Digest::of(b"y")).unwrap_err().to_string();
        assert!(error.contains("another module"), "{error}");
    }
}
