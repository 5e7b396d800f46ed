//! A folder of this run's own, for what other programs are to read.

use std::path::{Path, PathBuf};

use crate::Outcome;

/// A folder that goes when it is no longer needed.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new folder, told from this process's others by its purpose.
    pub(crate) fn new(purpose: &str) -> Outcome<Folder> {
        let name = format!("assize-figures-{purpose}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Outcome<()> {
        Ok(std::fs::write(self.0.join(name), bytes)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
