#[path = "../../src/store/checksum.rs"]
mod checksum;
#[path = "../../src/store/data_path.rs"]
mod data_path;
#[path = "../../src/store/dir_structure.rs"]
mod dir_structure;
#[path = "../../src/store/id.rs"]
mod id;

pub use checksum::{Algorithm, Checksum, Hasher, UnknownAlgorithm};
pub use data_path::{DataPath, InvalidDataPath};
pub use dir_structure::{DirStructure, InvalidDirStructure};
pub use id::{InvalidId, UploadId};
