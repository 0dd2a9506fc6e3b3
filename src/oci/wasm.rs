//! What the artifact's configuration says of the module, and how it is read from
//! a module's bytes without compiling them.

use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload};

/// `application/vnd.wasm.config.v0+json`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmConfig {
    /// When it was built, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who built it, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// `wasm`
    #[serde(default)]
    pub architecture: String,
    /// `wasip2` for components, `wasip1` for core modules.
    #[serde(default)]
    pub os: String,
    /// The module's digest.
    #[serde(default)]
    pub layer_digests: Vec<String>,
    /// What a component needs and gives; `None` of a core module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentConfig>,
}

/// What a component needs and gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentConfig {
    /// The names of the interfaces that it exports.
    #[serde(default)]
    pub exports: Vec<String>,
    /// The names of the interfaces that it imports.
    #[serde(default)]
    pub imports: Vec<String>,
    /// The world that it was built for, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl WasmConfig {
    /// That of a module with these bytes.
    ///
    /// # Errors
    /// They are no module.
    pub fn of(module: &[u8]) -> Result<Self, String> {
        let digest = super::reference::Digest::of(module);
        let component = component(module)?;
        Ok(Self {
            architecture: "wasm".to_owned(),
            os: match component {
                Some(_) => "wasip2".to_owned(),
                None => "wasip1".to_owned(),
            },
            layer_digests: vec![digest.to_string()],
            component,
            ..Self::default()
        })
    }
}

/// The names at the surface of a component; `None` of a core module.
fn component(module: &[u8]) -> Result<Option<ComponentConfig>, String> {
    let mut found = ComponentConfig::default();
    let mut is_component = false;
    // What is inside is of others' making: only the outermost level counts.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(|error| error.to_string())? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding == Encoding::Component {
                    is_component = true;
                }
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    let import = import.map_err(|error| error.to_string())?;
                    found.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    let export = export.map_err(|error| error.to_string())?;
                    found.exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(is_component.then_some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_described_by_its_surface() {
        let module = wat::parse_str(
            r#"(component
                (import "rustus:hooks/log@0.1.0" (instance))
                (component (import "inner:one/of@1.0.0" (instance)))
                (core module (import "a" "b" (func)))
                (instance $empty)
                (export "rustus:hooks/pre-create@0.1.0" (instance $empty)))"#,
        )
        .unwrap();
        let config = WasmConfig::of(&module).unwrap();
        let component = config.component.unwrap();
        assert_eq!(component.imports, ["rustus:hooks/log@0.1.0"]);
        assert_eq!(component.exports, ["rustus:hooks/pre-create@0.1.0"]);
        assert_eq!(config.os, "wasip2");
    }

    #[test]
    fn a_core_module_has_no_surface_of_that_kind() {
        let module = wat::parse_str("(module (import \"a\" \"b\" (func)))").unwrap();
        let config = WasmConfig::of(&module).unwrap();
        assert_eq!((config.os.as_str(), config.component), ("wasip1", None));
    }

    #[test]
    fn what_is_no_module_is_said() {
        for bytes in [&b"#!/bin/sh"[..], b"", b"\0asm"] {
            WasmConfig::of(bytes).unwrap_err();
        }
    }
}
