//! Websites: those that may use the server and those that may not.

use crate::harness::server::Setup;
use crate::harness::tus::{Tus, header};

#[test]
fn any_origin_may_ask_unless_there_is_a_list() {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let from = ("Origin", "https://a.example");
    let asked = tus.send(
        "OPTIONS",
        tus.files(),
        &[
            from,
            ("Access-Control-Request-Method", "PATCH"),
            ("Access-Control-Request-Headers", "upload-offset"),
        ],
        "",
    );
    assert_eq!(asked.status(), 204);
    assert_eq!(header(&asked, "access-control-allow-origin"), "*");
    assert_eq!(header(&asked, "access-control-max-age"), "86400");
    assert!(header(&asked, "access-control-allow-methods").contains("PATCH"));
    let allowed = header(&asked, "access-control-allow-headers");
    for field in ["Upload-Offset", "Upload-Checksum", "X-HTTP-Method-Override"] {
        assert!(allowed.contains(field), "{allowed}");
    }
    let created = tus.post(&[from, ("Upload-Length", "3")]);
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "access-control-allow-origin"), "*");
    let exposed = header(&created, "access-control-expose-headers");
    for field in [
        "Location",
        "Upload-Offset",
        "Upload-Expires",
        "Tus-Resumable",
    ] {
        assert!(exposed.contains(field), "{exposed}");
    }
    assert!(
        !created
            .headers()
            .contains_key("access-control-allow-credentials")
    );
    // What tus asks by OPTIONS is no preflight.
    let options = tus.send("OPTIONS", tus.files(), &[from], "");
    assert_eq!(header(&options, "tus-version"), "1.0.0");
}

#[test]
fn an_origin_that_is_not_listed_changes_nothing() {
    let server = Setup::new()
        .variable("RUSTUS_CORS", "https://*.example, http://localhost:????")
        .start();
    let tus = Tus::new(server.files());
    let length = ("Upload-Length", "3");
    for origin in ["https://a.example.evil", "http://a.example", "null"] {
        for method in ["POST", "OPTIONS", "GET"] {
            let refused = tus.send(method, tus.files(), &[("Origin", origin), length], "");
            assert_eq!(refused.status(), 403, "{origin}");
            assert!(
                !refused
                    .headers()
                    .contains_key("access-control-allow-origin")
            );
            assert_eq!(header(&refused, "vary"), "Origin");
        }
    }
    assert_eq!(server.stored_files(), [""; 0]);
    let own = server.origin();
    for origin in ["https://a.example", "http://localhost:8080", &own] {
        let created = tus.post(&[("Origin", origin), length]);
        assert_eq!(created.status(), 201, "{origin}");
        assert_eq!(header(&created, "access-control-allow-origin"), origin);
    }
    assert_eq!(tus.post(&[length]).status(), 201);
}

#[test]
fn errors_can_be_read_and_credentials_never_come_with_a_star() {
    let server = Setup::new()
        .arguments(&["--cors-allow-credentials", "--cors-max-age", "5"])
        .start();
    let tus = Tus::new(server.files());
    let from = ("Origin", "https://a.example");
    let nowhere = format!("{}/nowhere", tus.files());
    let missing = tus.send("HEAD", &nowhere, &[from], "");
    assert_eq!(missing.status(), 404);
    assert_eq!(header(&missing, "access-control-allow-origin"), from.1);
    assert_eq!(header(&missing, "access-control-allow-credentials"), "true");
    assert_eq!(header(&missing, "vary"), "Origin");
    let request = ("Access-Control-Request-Method", "POST");
    let asked = tus.send("OPTIONS", tus.files(), &[from, request], "");
    assert_eq!(header(&asked, "access-control-max-age"), "5");
}
