//! The Rust face of `wit/`, generated. Hidden from the docs: the layer above
//! re-exports what an author needs under short names.
//!
//! Each event has a world of its own, generated here side by side. What makes a
//! component export an interface stands in the `export!` macro of its world,
//! expanded in the author's crate: a world whose macro nobody expands leaves no
//! trace in the component.

/// Types and imports, which all worlds share.
pub mod base {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package rustus:sdk;
            world base {
                import rustus:hooks/types@0.1.0;
                include rustus:hooks/imports@0.1.0;
            }
        ",
        world: "rustus:sdk/base",
        additional_derives: [PartialEq, Eq],
        generate_all,
    });
}

macro_rules! world {
    ($module:ident, $world:tt, $export:tt) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "wit",
                world: $world,
                pub_export_macro: true,
                export_macro_name: $export,
                additional_derives: [PartialEq, Eq],
                with: {
                    "rustus:hooks/types@0.1.0": crate::bindings::base::rustus::hooks::types,
                    "rustus:hooks/log@0.1.0": crate::bindings::base::rustus::hooks::log,
                    "rustus:hooks/config@0.1.0": crate::bindings::base::rustus::hooks::config,
                    "rustus:hooks/secrets@0.1.0": crate::bindings::base::rustus::hooks::secrets,
                    "rustus:hooks/request-headers@0.1.0":
                        crate::bindings::base::rustus::hooks::request_headers,
                },
            });
        }
    };
}

world!(
    pre_create,
    "rustus:hooks/pre-create-hook",
    "export_pre_create"
);
world!(
    pre_finish,
    "rustus:hooks/pre-finish-hook",
    "export_pre_finish"
);
world!(pre_get, "rustus:hooks/pre-get-hook", "export_pre_get");
world!(
    pre_terminate,
    "rustus:hooks/pre-terminate-hook",
    "export_pre_terminate"
);
world!(
    notifications,
    "rustus:hooks/notifications-hook",
    "export_notifications"
);
world!(sink, "rustus:hooks/sink-hook", "export_sink");

/// What is lent to plugins that the operator allows it. An interface that a
/// crate does not call leaves no trace in its component.
pub mod capabilities {
    wit_bindgen::generate!({
        path: "wit",
        world: "rustus:hooks/capabilities",
        additional_derives: [PartialEq, Eq],
        with: {
            "rustus:hooks/types@0.1.0": crate::bindings::base::rustus::hooks::types,
        },
        generate_all,
    });
}
