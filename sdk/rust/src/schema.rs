//! The macro that ships a schema of the configuration with the plugin.

/// Ships a JSON schema with the component: the server checks `[config]` against
/// it before it loads the plugin, and tells the operator what does not fit.
///
/// The text has to be there when the crate is compiled; `include_str!` reads it
/// from a file. It is kept in a custom section called `rustus:config-schema`,
/// which stays unless the component is built with `strip = true` (`"debuginfo"`
/// keeps it). Once in a component.
///
/// ```
/// rustus_hook::config_schema!(
///     r#"{
///         "type": "object",
///         "required": ["limit"],
///         "properties": { "limit": { "type": "integer", "minimum": 1 } },
///         "additionalProperties": false
///     }"#
/// );
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! config_schema {
    ($text:expr) => {
        const _: () = {
            // In use where nothing is shipped, too.
            const TEXT: &str = $text;

            #[cfg(target_arch = "wasm32")]
            #[allow(unsafe_code)]
            #[unsafe(link_section = "rustus:config-schema")]
            #[used]
            static SCHEMA: [u8; TEXT.len()] = {
                let mut bytes = [0; TEXT.len()];
                bytes.copy_from_slice(TEXT.as_bytes());
                bytes
            };
        };
    };
}
