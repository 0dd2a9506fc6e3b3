//! A private key as `cosign generate-key-pair` writes it: PKCS#8, encrypted with
//! a key that scrypt makes of a password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305};
use scrypt::Params;
use serde::Deserialize;

/// What such a file begins and ends with.
const LABELS: [&str; 2] = [
    "ENCRYPTED SIGSTORE PRIVATE KEY",
    "ENCRYPTED COSIGN PRIVATE KEY",
];

/// The most work that a file may ask for, as a power of two: 16 times as much as
/// cosign's. More would be a way to keep this machine busy.
const MOST_WORK: u32 = 20;

/// Bytes of the cipher's key and of its nonce.
const KEY: usize = 32;
const NONCE: usize = 24;

#[derive(Deserialize)]
struct File {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Work,
    salt: String,
}

#[derive(Deserialize)]
struct Work {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Whether the text is that of such a file.
pub(super) fn is_one(text: &str) -> bool {
    LABELS.iter().any(|label| text.contains(label))
}

/// The PKCS#8 in it.
pub(super) fn decrypt(text: &str, password: Option<&str>) -> Result<Vec<u8>, String> {
    let password = password.ok_or(
        "it is encrypted, and there is no password; set COSIGN_PASSWORD, to nothing if the key \
         has none",
    )?;
    let broken = |error: String| format!("it is no key of cosign's ({error})");
    let lines = text.lines().map(str::trim);
    let body: String = lines.filter(|line| !line.starts_with("-----")).collect();
    let decode = |text: &str| {
        STANDARD
            .decode(text)
            .map_err(|error| broken(error.to_string()))
    };
    let file: File =
        serde_json::from_slice(&decode(&body)?).map_err(|error| broken(error.to_string()))?;
    if file.kdf.name != "scrypt" || file.cipher.name != "nacl/secretbox" {
        return Err(format!(
            "it is encrypted with {} and {}, and scrypt and nacl/secretbox are expected",
            file.kdf.name, file.cipher.name
        ));
    }
    let key = key(&file.kdf, &decode(&file.kdf.salt)?, password).map_err(broken)?;
    let nonce: [u8; NONCE] = decode(&file.cipher.nonce)?
        .try_into()
        .map_err(|_| broken("its nonce is of another length".to_owned()))?;
    XSalsa20Poly1305::new(&key.into())
        .decrypt(&nonce.into(), decode(&file.ciphertext)?.as_slice())
        .map_err(|_| "the password in COSIGN_PASSWORD is not the one of the key".to_owned())
}

fn key(kdf: &Kdf, salt: &[u8], password: &str) -> Result<[u8; KEY], String> {
    let Work { n, r, p } = kdf.params;
    let log_n = n.checked_ilog2().unwrap_or_default();
    if !n.is_power_of_two() || log_n > MOST_WORK || r > 16 || p > 16 {
        return Err(format!(
            "its work of N={n}, r={r}, p={p} is more than is done"
        ));
    }
    let log_n = u8::try_from(log_n).map_err(|error| error.to_string())?;
    let params = Params::new(log_n, r, p, KEY).map_err(|error| error.to_string())?;
    let mut key = [0; KEY];
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut key)
        .map_err(|error| error.to_string())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(n: u64, nonce: &str) -> String {
        let json = serde_json::json!({
            "kdf": { "name": "scrypt", "params": { "N": n, "r": 8, "p": 1 }, "salt": "AAAA" },
            "cipher": { "name": "nacl/secretbox", "nonce": nonce },
            "ciphertext": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        });
        let label = LABELS[0];
        let body = STANDARD.encode(json.to_string());
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    #[test]
    fn a_file_that_cannot_be_opened_says_why() {
        let nonce = STANDARD.encode([0; NONCE]);
        for (text, password, said) in [
            (file(1024, &nonce), None, "set COSIGN_PASSWORD"),
            (file(1024, &nonce), Some("x"), "not the one of the key"),
            (file(1 << 30, &nonce), Some("x"), "more than is done"),
            (file(1000, &nonce), Some("x"), "more than is done"),
            (file(1024, "AAAA"), Some("x"), "another length"),
            (LABELS[1].to_owned(), Some("x"), "no key of cosign's"),
        ] {
            assert!(is_one(&text));
            let error = decrypt(&text, password).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
