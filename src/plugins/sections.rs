//! Custom sections of a WebAssembly file: data that its maker put into it.
//!
//! The bytes are anybody's; what is damaged has no sections, and compiling it
//! says what is wrong with it.

/// How deep modules and components are looked for in each other. Tools put a
/// guest's module right into the component.
const DEEPEST: u32 = 4;

/// The magic number and the version.
const HEAD: usize = 8;

/// The first custom section called `name`: of the file itself, or of the modules
/// and components in it.
pub(super) fn custom_section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    within(file, name, 0)
}

fn within<'a>(file: &'a [u8], name: &str, depth: u32) -> Option<&'a [u8]> {
    const CUSTOM: u8 = 0;
    const MODULE: u8 = 1;
    const COMPONENT: u8 = 4;
    let (head, mut rest) = file.split_at_checked(HEAD)?;
    // Modules have other numbers for what is in them, and hold no modules.
    let is_component = matches!(head, [.., 0x0d, 0, 1, 0]);
    let mut inner = Vec::new();
    while !rest.is_empty() {
        let (id, after) = rest.split_first()?;
        let (content, next) = sized(after)?;
        match *id {
            CUSTOM => {
                let (found, data) = sized(content)?;
                if found == name.as_bytes() {
                    return Some(data);
                }
            }
            MODULE | COMPONENT if is_component && depth < DEEPEST => inner.push(content),
            _ => {}
        }
        rest = next;
    }
    let mut inner = inner.into_iter();
    inner.find_map(|file| within(file, name, depth + 1))
}

/// What has its length before it, and what comes after.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(length)
}

/// An unsigned number of 32 bits in LEB128.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"(component
        (core module (func) (@custom "there" "in a module"))
        (component (core module (@custom "deep" "in a component")))
        (@custom "here" "at the top"))"#;

    #[test]
    fn a_section_is_found_at_the_top_and_within() {
        let file = wat::parse_str(TEXT).unwrap();
        for (name, data) in [
            ("here", Some("at the top")),
            ("there", Some("in a module")),
            ("deep", Some("in a component")),
            ("nowhere", None),
        ] {
            assert_eq!(custom_section(&file, name), data.map(str::as_bytes));
        }
        let module = wat::parse_str(r#"(module (@custom "here" "x"))"#).unwrap();
        assert_eq!(custom_section(&module, "here"), Some(&b"x"[..]));
    }

    #[test]
    fn damaged_files_have_what_is_whole_in_them_or_nothing() {
        let file = wat::parse_str(TEXT).unwrap();
        for length in 0..file.len() {
            custom_section(&file[..length], "here");
            let mut damaged = file.clone();
            damaged[length] = 0xff;
            custom_section(&damaged, "here");
        }
        assert_eq!(number(&[0xff; 10]), None);
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0x1f]), None);
        assert_eq!(number(&[0x80, 0x01, 9]), Some((128, &[9][..])));
    }
}
