//! Header fields and request paths. The first line of the input is a base URL,
//! the second a path, the rest a field's value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rustus::tus::{BaseUrl, Headers, Target};

const NAME: &str = "upload-offset";

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (url, path) = (text(), text());
    let value = parts.next().unwrap_or_default().to_vec();

    let headers = Headers::from_iter([(NAME.to_owned(), value.clone())]);
    if let Ok(Some(number)) = headers.bytes(NAME) {
        let digits = headers
            .text(NAME)
            .expect("it is a number")
            .expect("it is there");
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(digits.parse(), Ok(number));
    }
    assert_eq!(headers.to_text().len(), 1);

    let Ok(base) = url.parse::<BaseUrl>() else {
        return;
    };
    assert_eq!(base.as_str().parse().as_ref(), Ok(&base));
    for path in [path.clone(), format!("{}{path}", base.as_str())] {
        if let Some(Target::Upload(name)) = base.target(&path) {
            assert!(!name.is_empty() && !name.contains('/'));
        }
    }
});
