//! Which plugins run from registries: those that flags name, and those of a file,
//! which is looked at as the directory of plugins is.
//!
//! A file that is gone, can't be read or says nothing that can be understood
//! changes nothing: a slip of the pen must not switch off the rules that plugins
//! enforce.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use super::{RemoteFile, RemotePlugin};
use crate::plugins::directory::{SETTLE, Stamp};
use crate::plugins::lookout::Observer;
use crate::plugins::watch::{Signal, WatchError};

/// The plugins that should run from registries.
pub(in crate::plugins) struct Roster {
    named: Vec<RemotePlugin>,
    file: Option<Seen>,
}

/// The file, and what was seen of it last.
struct Seen {
    file: RemoteFile,
    stamp: Option<Stamp>,
    observer: Observer,
    /// Why what it says now is not done. That may be so no more at the next look,
    /// as when a name is taken by a plugin that goes.
    refused: Option<String>,
    /// What was wrong with its place at the last look, said once.
    trouble: Option<io::ErrorKind>,
}

/// What a look at the file came to.
pub(in crate::plugins) enum Look {
    /// What it came to before.
    Same,
    /// It is being written; look again so much later.
    Unsettled(Duration),
    /// These are the plugins now, of the file and of the flags.
    Changed(Vec<Arc<RemotePlugin>>),
}

impl Roster {
    /// The first look: what is wrong with the file is an error.
    pub(in crate::plugins) fn read(
        named: Vec<RemotePlugin>,
        file: Option<RemoteFile>,
        signals: Sender<Signal>,
    ) -> Result<(Self, Vec<Arc<RemotePlugin>>), WatchError> {
        // Before it is read: what changes from now on is seen at the next look.
        let file = file.map(|file| Seen {
            stamp: Stamp::read(&file.path).ok(),
            observer: Observer::new(signals),
            file,
            refused: None,
            trouble: None,
        });
        let roster = Self { named, file };
        let plugins = roster.plugins()?;
        Ok((roster, plugins))
    }

    /// Looks at the file. What is wrong with it is said once, and looked at anew at
    /// each look.
    pub(in crate::plugins) fn look(&mut self) -> Look {
        let Some(seen) = &mut self.file else {
            return Look::Same;
        };
        let Some(stamp) = seen.now() else {
            return Look::Same;
        };
        if seen.stamp == Some(stamp) && seen.refused.is_none() {
            return Look::Same;
        }
        if let Some(left) = stamp.unsettled_for(SystemTime::now()) {
            return Look::Unsettled(left);
        }
        let path = seen.file.path.clone();
        let read = self.plugins();
        if Stamp::read(&path).ok() != Some(stamp) {
            return Look::Unsettled(SETTLE);
        }
        if let Some(seen) = &mut self.file
            && seen.stamp.replace(stamp) != Some(stamp)
        {
            seen.refused = None;
        }
        match read {
            Ok(plugins) => Look::Changed(plugins),
            Err(error) => {
                self.refuse(&error);
                Look::Same
            }
        }
    }

    /// Says why what the file says now is not done. Once, as long as it is the same.
    pub(in crate::plugins) fn refuse(&mut self, error: &WatchError) {
        let Some(seen) = &mut self.file else { return };
        let error = error.to_string();
        if seen.refused.as_ref() == Some(&error) {
            return;
        }
        tracing::error!(
            file = %seen.file.path.display(), error,
            "the file of plugins in registries is not taken over; keeping the plugins that serve"
        );
        seen.refused = Some(error);
    }

    /// What the file says now is done.
    pub(in crate::plugins) fn accept(&mut self) {
        if let Some(seen) = &mut self.file {
            seen.refused = None;
        }
    }

    fn plugins(&self) -> Result<Vec<Arc<RemotePlugin>>, WatchError> {
        let mut plugins = self.named.clone();
        if let Some(Seen { file, .. }) = &self.file {
            let read = file.read().map_err(|error| WatchError::RemoteFile {
                file: file.path.clone(),
                error,
            })?;
            plugins.extend(read);
        }
        let mut names = BTreeSet::new();
        for plugin in &plugins {
            if !names.insert(&plugin.name) {
                return Err(WatchError::SameName(plugin.name.clone()));
            }
        }
        Ok(plugins.into_iter().map(Arc::new).collect())
    }
}

impl Seen {
    /// The state of the file now; `None` if there is none that could be read.
    fn now(&mut self) -> Option<Stamp> {
        let directory = self.file.path.parent();
        let directory = directory.filter(|it| !it.as_os_str().is_empty());
        self.observer.observe(directory.unwrap_or(Path::new(".")));
        match Stamp::read(&self.file.path) {
            Ok(stamp) => {
                self.trouble = None;
                Some(stamp)
            }
            Err(error) => {
                if self.trouble.replace(error.kind()) != Some(error.kind()) {
                    tracing::warn!(
                        file = %self.file.path.display(), %error,
                        "the file of plugins in registries can't be found; keeping the plugins \
                         that serve"
                    );
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::oci::PullPolicy;

    fn names(look: Look) -> Option<Vec<String>> {
        match look {
            Look::Changed(plugins) => Some(plugins.iter().map(|it| it.name.clone()).collect()),
            _ => None,
        }
    }

    /// Looks until the file has been left alone for a while.
    fn settled(roster: &mut Roster) -> Option<Vec<String>> {
        loop {
            match roster.look() {
                Look::Unsettled(left) => std::thread::sleep(left),
                look => return names(look),
            }
        }
    }

    #[test]
    fn what_the_file_says_is_told_once_and_what_is_wrong_never() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins.toml");
        let write = |text: &str| fs::write(&path, text).unwrap();
        let (one, two) = (
            "[plugins.one]\nreference = \"h.b/a:1\"\n",
            "[plugins.two]\nreference = \"h.b/b:1\"\n",
        );
        write(one);
        let file = RemoteFile {
            path: path.clone(),
            policy: PullPolicy::Never,
        };
        let named = file.read().unwrap();
        write(two);
        let (mut roster, first) = Roster::read(named, Some(file), channel().0).unwrap();
        assert_eq!(names(Look::Changed(first)).unwrap(), ["one", "two"]);
        assert_eq!(settled(&mut roster), None);
        // The name is taken by a flag, and then it is no TOML, and then gone.
        for text in [one, "[plugins"] {
            write(text);
            assert_eq!(settled(&mut roster), None);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(settled(&mut roster), None);
        write("");
        assert_eq!(settled(&mut roster).unwrap(), ["one"]);
        assert_eq!(settled(&mut roster), None);
        // Until what it says can be done.
        write(two);
        for _ in 0..2 {
            assert_eq!(settled(&mut roster).unwrap(), ["one", "two"]);
            roster.refuse(&WatchError::SameName("two".to_owned()));
        }
        assert_eq!(settled(&mut roster).unwrap(), ["one", "two"]);
        roster.accept();
        assert_eq!(settled(&mut roster), None);
    }
}
