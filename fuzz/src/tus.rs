#[path = "../../src/tus/base_url.rs"]
mod base_url;
#[path = "../../src/tus/checksum_field.rs"]
mod checksum_field;
#[path = "../../src/tus/concatenation.rs"]
mod concatenation;
#[path = "../../src/tus/conditional.rs"]
mod conditional;
#[path = "../../src/tus/disposition.rs"]
mod disposition;
#[path = "../../src/tus/headers.rs"]
mod headers;
#[path = "../../src/tus/range.rs"]
mod range;
#[path = "../../src/tus/request.rs"]
mod request;
#[path = "../../src/tus/trailers.rs"]
mod trailers;

#[path = "checks/tus.rs"]
pub mod checks;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use headers::{Headers, InvalidHeader};
pub use request::{Method, Request, Target};
pub use trailers::Trailers;
