//! What lies in a directory.

use std::path::Path;

/// All files below `directory`, relative to it, sorted.
pub fn files_below(directory: &Path) -> Vec<String> {
    let mut files = Vec::new();
    collect(directory, directory, &mut files);
    files.sort();
    files
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let relative = path.strip_prefix(root).unwrap();
            files.push(relative.to_str().unwrap().to_owned());
        }
    }
}
