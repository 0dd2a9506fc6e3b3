//! A server ends and another one starts; what nobody goes on with expires.

use std::time::Duration;

use super::disk::Disk;
use super::inspect::until_ok;
use super::manner::Manner;
use super::operation::{Restart, STRUCTURES, Stop};
use super::upload::{Kind, Known, Step, Trouble, Upload};
use super::world::World;
use crate::harness::tus::Tus;

/// Longer than uploads live here.
const TOO_LONG: Duration = Duration::from_secs(2 * 60 * 60);

/// Longer than anything stays that belongs to nobody.
const DAYS: Duration = Duration::from_secs(2 * 24 * 60 * 60);

impl World {
    /// Ends the server while a client uses it, and starts another one.
    pub fn restart(&mut self, restart: &Restart) -> Step {
        for upload in &mut self.uploads {
            upload.note(format!("step {}: {restart:?}", self.step));
        }
        let used = self.end_under_a_client(restart);
        self.held = None;
        used?;
        self.let_expire(restart.expire)?;
        let setup = self.setup.clone().arguments(&restart.arguments);
        if let Some(after) = restart.between {
            let server = setup.start();
            std::thread::sleep(Duration::from_micros(after));
            server.kill();
            self.killed(if restart.expire > 0 {
                "expire"
            } else {
                "start"
            });
        }
        let server = setup.start();
        self.guest.1 = true;
        self.tus = Tus::new(server.files());
        // What a kill left between two steps is brought to its end.
        server.wait_for_log("all uploads were looked at");
        self.server = Some(server);
        for upload in &mut self.uploads {
            let complete = upload.sent == upload.length && upload.declared != Known::No;
            upload.expect_finish(complete);
        }
        self.ask_for_what_was_made()?;
        self.finish_what_waits()?;
        for upload in &mut self.uploads {
            upload.head(&self.tus)?;
            upload.nothing_is_under_way();
        }
        self.check_all()
    }

    fn end_under_a_client(&mut self, restart: &Restart) -> Step {
        let server = self.server.take().unwrap();
        let mut client = self.client(restart.client);
        let used = std::thread::scope(|scope| {
            let using = scope.spawn(|| client.use_until_it_is_gone());
            std::thread::sleep(Duration::from_micros(restart.after));
            match restart.how {
                Stop::Kill => server.kill(),
                Stop::Terminate => assert_eq!(server.terminate().code(), Some(0)),
            }
            using.join().unwrap()
        });
        if restart.how == Stop::Kill {
            self.killed(client.doing);
        }
        self.take_back(client);
        if restart.how == Stop::Kill {
            for upload in self.uploads.iter_mut().chain(&mut self.unborn) {
                upload.may_be_cut_by_a_kill();
            }
        }
        used
    }

    fn killed(&mut self, doing: &'static str) {
        self.kills += 1;
        *self.killed_in.entry(doing).or_default() += 1;
    }

    /// Lets some uploads expire while no server is there.
    fn let_expire(&mut self, count: usize) -> Step {
        let disk = self.look()?;
        // What is waited for is finished later.
        let waiting: Vec<Kind> = (self.uploads.iter().chain(&self.unborn))
            .filter(|upload| upload.waits)
            .map(|upload| upload.kind.clone())
            .collect();
        let is_waited_for = |id: &String| {
            let parts_of =
                |kind: &Kind| matches!(kind, Kind::Final { parts, .. } if parts.contains(id));
            waiting.iter().any(parts_of)
        };
        let unfinished = self.uploads.iter_mut().filter(|upload| {
            let record = disk.records.get(&upload.id);
            record.is_some_and(|record| !record.finished)
                && !upload.waits
                && !is_waited_for(&upload.id)
        });
        for upload in unfinished.take(count) {
            upload.note("nobody goes on with it");
            disk.age(&upload.id, TOO_LONG);
            upload.exists = Known::Maybe;
        }
        Ok(())
    }

    /// Lets an unfinished upload expire.
    pub(super) fn expire(&mut self, which: usize) -> Result<Option<usize>, Trouble> {
        let upload = &mut self.uploads[which];
        if upload.finished != Known::No || !upload.is_settled() || upload.disturbed {
            return Ok(Some(which));
        }
        let disk = Disk::look(&self.setup.path().join("data")).map_err(Trouble::Broken)?;
        disk.age(&upload.id, TOO_LONG);
        upload.exists = Known::Maybe;
        upload.head(&self.tus)?;
        upload.ensure(upload.expired, || "it has not expired".to_owned())?;
        let id = upload.id.clone();
        self.sort_out();
        until_ok(|| match self.look()?.records.contains_key(&id) {
            true => Err(Trouble::Broken(format!("{id} expired and is not removed"))),
            false => Ok(()),
        })?;
        Ok(None)
    }

    /// Sends again what was to make one upload of its parts, and was not
    /// answered. If parts are removed it has to come to an end.
    fn ask_for_what_was_made(&mut self) -> Step {
        let lost: Vec<Upload> = self
            .unborn
            .iter()
            .filter(|upload| upload.is_final() && !upload.waits)
            .cloned()
            .collect();
        let disk = self.look()?;
        self.find_unborn(&disk);
        if !self.remove_parts {
            return Ok(());
        }
        for mut again in lost {
            again.note("asked for again");
            self.unborn.retain(|upload| upload.salt != again.salt);
            again.concatenate(&self.tus)?;
            again.use_up(&mut self.uploads);
            for upload in self
                .uploads
                .iter_mut()
                .filter(|upload| upload.salt == again.salt)
            {
                // It made way for the other, unless no part knew of it yet.
                upload.exists = Known::Maybe;
                upload.note(format!("made again as {}", again.id));
            }
            self.uploads.retain(|upload| upload.id != again.id);
            self.uploads.push(again);
        }
        self.sort_out();
        Ok(())
    }

    /// Finishes the parts of what waits for them, which then is finished too.
    fn finish_what_waits(&mut self) -> Step {
        let waits = |upload: &mut Upload| upload.waits && !upload.id.is_empty();
        let waiting: Vec<Upload> = self.uploads.extract_if(.., waits).collect();
        for mut whole in waiting {
            whole.head(&self.tus)?;
            let Kind::Final { parts, .. } = &whole.kind else {
                continue;
            };
            for part in self.uploads.iter_mut() {
                if whole.waits && parts.contains(&part.id) {
                    part.head(&self.tus)?;
                    part.nothing_is_under_way();
                    let manner = Manner {
                        declare: true,
                        ..Manner::PLAIN
                    };
                    part.append(&self.tus, u64::MAX, manner)?;
                }
            }
            whole.head(&self.tus)?;
            whole.ensure(!whole.waits, || "its parts are finished".to_owned())?;
            if self.remove_parts {
                whole.use_up(&mut self.uploads);
            }
            self.uploads.push(whole);
        }
        self.sort_out();
        Ok(())
    }

    /// Lets everything expire that can, and checks that finished uploads are
    /// all that is left.
    pub fn nothing_else_is_left(&mut self) -> Step {
        // A directory without any record may be a mount that was lost, and is
        // left alone.
        let mut last = self.new_upload(5, Some(""));
        last.create(&self.tus, Some(5), Manner::PLAIN)?;
        self.uploads.push(last);
        let server = self.server.take().unwrap();
        assert_eq!(server.terminate().code(), Some(0));
        self.look()?.age_all(DAYS);
        // Data files are looked for as deep as the server puts them now.
        for structure in STRUCTURES {
            let arguments = ["--dir-structure", structure];
            let server = self.setup.clone().arguments(&arguments).start();
            self.tus = Tus::new(server.files());
            until_ok(|| self.only_finished_ones_are_left())?;
            self.server = Some(server);
        }
        for upload in &mut self.uploads {
            if upload.finished != Known::Yes {
                upload.exists = Known::Maybe;
            }
        }
        self.check_all()?;
        let disk = self.look()?;
        if disk.temporary + disk.strangers.len() > 0 {
            return Err(Trouble::Broken(format!("there is left {disk:?}")));
        }
        for upload in &mut self.uploads {
            upload.ensure(upload.finished != Known::No, || "it is left".to_owned())?;
            upload.get(&self.tus, None)?;
        }
        Ok(())
    }

    fn only_finished_ones_are_left(&self) -> Step {
        let disk = self.look()?;
        let unfinished = disk.records.values().any(|record| !record.finished);
        if unfinished || disk.temporary > 0 {
            return Err(Trouble::Broken(format!("the cleaner leaves {disk:?}")));
        }
        Ok(())
    }
}
