//! The extensions of tus 1.0.0 that are spoken, and which of them are turned on
//! (`--tus-extensions`).

use std::fmt;
use std::str::FromStr;

/// Makes the enum and its table from the same rows: a name on the wire and in
/// the configuration, and what it is of no use without. The order is that of
/// `Tus-Extension`.
macro_rules! extensions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, needs: [$($needs:ident)?];)*) => {
        /// A part of the protocol that can be turned off.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Extension {
            $($(#[$doc])* $variant,)*
        }

        impl Extension {
            /// Every extension, in the order of `Tus-Extension`.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the wire and in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            const fn needs(self) -> &'static [Self] {
                match self { $(Self::$variant => &[$(Self::$needs)?],)* }
            }
        }
    };
}

extensions! {
    /// `GET` of finished uploads. tus has no such extension; the name is that
    /// which the upstream server tells its clients.
    Getting = "getting", needs: [];
    /// `POST`.
    Creation = "creation", needs: [];
    /// `DELETE`.
    Termination = "termination", needs: [];
    /// Bytes that come with a `POST`.
    CreationWithUpload = "creation-with-upload", needs: [Creation];
    /// `Upload-Defer-Length`.
    CreationDeferLength = "creation-defer-length", needs: [Creation];
    /// `Upload-Concat`.
    Concatenation = "concatenation", needs: [Creation];
    /// `Upload-Concat: final` with parts that are not finished.
    ConcatenationUnfinished = "concatenation-unfinished", needs: [Concatenation];
    /// `Upload-Checksum`.
    Checksum = "checksum", needs: [];
    /// `Upload-Checksum` after the body.
    ChecksumTrailer = "checksum-trailer", needs: [Checksum];
    /// Unfinished uploads expire, if a time is set.
    Expiration = "expiration", needs: [];
}

/// Extensions that are turned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionSet(u32);

impl ExtensionSet {
    /// None: only the core of the protocol.
    pub const EMPTY: Self = Self(0);
    /// All that there are.
    pub const ALL: Self = Self(u32::MAX);

    /// Whether `extension` is turned on.
    #[must_use]
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 & (1 << extension as u32) != 0
    }

    /// The set without `extension`.
    #[must_use]
    pub const fn without(self, extension: Extension) -> Self {
        Self(self.0 & !(1 << extension as u32))
    }

    /// The set with `extension` and with what that needs.
    #[must_use]
    pub fn with(self, extension: Extension) -> Self {
        let set = Self(self.0 | (1 << extension as u32));
        extension.needs().iter().copied().fold(set, Self::with)
    }
}

/// As in `Tus-Extension`: names separated by commas.
impl fmt::Display for ExtensionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Extension::ALL.iter().copied();
        let names = all.filter(|extension| self.contains(*extension));
        for (index, extension) in names.enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(extension.name())?;
        }
        Ok(())
    }
}

/// A name that is no extension's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an extension; the extensions are {all}", all = names())]
pub struct UnknownExtension(String);

fn names() -> String {
    let names: Vec<_> = Extension::ALL.iter().map(|known| known.name()).collect();
    names.join(", ")
}

/// Names separated by commas. Empty places do not count; an empty list is the
/// core alone.
impl FromStr for ExtensionSet {
    type Err = UnknownExtension;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        list.split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .try_fold(Self::EMPTY, |set, name| {
                let mut all = Extension::ALL.iter().copied();
                match all.find(|extension| extension.name() == name) {
                    Some(extension) => Ok(set.with(extension)),
                    None => Err(UnknownExtension(name.to_owned())),
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_told_in_one_order_and_with_what_it_needs() {
        for (list, told) in [
            ("", ""),
            (" , ", ""),
            ("termination", "termination"),
            ("concatenation", "creation,concatenation"),
            ("checksum-trailer", "checksum,checksum-trailer"),
            (
                "creation-with-upload, getting,",
                "getting,creation,creation-with-upload",
            ),
            (&names(), &ExtensionSet::ALL.to_string()),
        ] {
            assert_eq!(list.parse::<ExtensionSet>().unwrap().to_string(), told);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "creation,deletion".parse::<ExtensionSet>().unwrap_err();
        let message = error.to_string();
        assert!(message.contains("`deletion`"), "{message}");
        assert!(message.contains("creation, termination"), "{message}");
    }
}
