//! What a plugin says, on its way to the server's log: `log.write`, stdout and
//! stderr, line by line, under one bound per call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::bindings::rustus::hooks::log::{Field, Level};
use super::mask::Mask;
use super::tally::Capability;

/// Who speaks.
#[derive(Debug, Default)]
pub(super) struct Speaker {
    pub(super) plugin: String,
    pub(super) digest: String,
    /// What it must not say.
    pub(super) mask: Mask,
}

/// The log of one instance. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Output {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    speaker: Arc<Speaker>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    event: String,
    upload: String,
    left: usize,
    silenced: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    kept: Option<Kept>,
}

/// What one call wrote, within its bound.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Whether the bound cut something off.
    pub(super) cut: bool,
}

/// Where a line came from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Stdout,
    Stderr,
}

/// What one write of a guest may hold at most. wasi-libc writes in less.
const CHUNK: usize = 64 * 1024;

impl Output {
    pub(super) fn new(speaker: Arc<Speaker>) -> Self {
        Self {
            shared: Arc::new(Shared {
                speaker,
                state: Mutex::default(),
            }),
        }
    }

    /// Who speaks.
    pub(super) fn speaker(&self) -> &Arc<Speaker> {
        &self.shared.speaker
    }

    /// Starts a call: names what it is about and renews the bound.
    pub(super) fn begin_call(&self, event: &str, upload: &str, bound: usize) {
        let mut state = self.state();
        event.clone_into(&mut state.event);
        upload.clone_into(&mut state.upload);
        state.left = bound;
        state.silenced = false;
    }

    /// From now on, what goes to the log is kept as well.
    pub(super) fn keep(&self) {
        self.state().kept = Some(Kept::default());
    }

    /// What was kept.
    pub(super) fn take_kept(&self) -> Kept {
        let mut state = self.state();
        let kept = state.kept.take().unwrap_or_default();
        Kept {
            cut: state.silenced,
            ..kept
        }
    }

    /// Ends a call: what was written without a line end is a line too.
    pub(super) fn end_call(&self) {
        let mut state = self.state();
        for source in [Source::Stdout, Source::Stderr] {
            let rest = std::mem::take(state.buffer(source));
            if !rest.is_empty() {
                self.line(&state, source, &rest);
            }
        }
    }

    /// Says that the plugin wanted what it is not granted. All that is denied comes
    /// through here. Gives the text for the plugin.
    pub(super) fn denied(&self, capability: Capability, what: &str, write: &str) -> String {
        let speaker = &*self.shared.speaker;
        let mut state = self.state();
        let size = what.len() + write.len();
        if self.take(&mut state, size) == size {
            tracing::warn!(
                plugin = speaker.plugin,
                digest = speaker.digest,
                event = state.event,
                upload = state.upload,
                capability = capability.name(),
                what = self.clean(what),
                write = self.clean(write),
                "a plugin was denied what its NAME.toml does not allow"
            );
        }
        format!(
            "{what} is not allowed; the operator of the server can write {write} in its NAME.toml"
        )
    }

    /// Says that something outside of the server, which the plugin may reach, did
    /// not do what it wanted.
    pub(super) fn trouble(&self, capability: &str, cause: &str, error: &str, advice: &str) {
        let state = self.state();
        let Speaker { plugin, digest, .. } = &*self.shared.speaker;
        tracing::warn!(
            plugin,
            digest,
            event = state.event,
            upload = state.upload,
            capability,
            cause,
            error = self.clean(error),
            advice,
            "what a plugin passes on is not taken"
        );
    }

    /// Says that such trouble is over.
    pub(super) fn works_again(&self, capability: &str) {
        let Speaker { plugin, digest, .. } = &*self.shared.speaker;
        tracing::info!(
            plugin,
            digest,
            capability,
            "what a plugin passes on is taken again"
        );
    }

    /// Says that a server which the plugin may reach did not answer.
    pub(super) fn unanswered(&self, server: &str, cause: &str) {
        let mut state = self.state();
        let size = server.len() + cause.len();
        if self.take(&mut state, size) < size {
            return;
        }
        let Speaker { plugin, digest, .. } = &*self.shared.speaker;
        tracing::warn!(
            plugin,
            digest,
            event = state.event,
            upload = state.upload,
            server = self.clean(server),
            cause,
            "a request of a plugin got no answer"
        );
    }

    /// One line through `log.write`.
    pub(super) fn write(&self, level: Level, message: &str, fields: &[Field]) {
        let mut state = self.state();
        let size = fields.iter().fold(message.len(), |sum, field| {
            sum + field.key.len() + field.value.len()
        });
        if self.take(&mut state, size) < size {
            return;
        }
        let fields = fields
            .iter()
            .map(|field| format!("{}={:?}", self.mask(&field.key), self.mask(&field.value)))
            .collect::<Vec<_>>()
            .join(" ");
        let Speaker { plugin, digest, .. } = &*self.shared.speaker;
        let (event, upload) = (&state.event, &state.upload);
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    plugin,
                    digest,
                    event,
                    upload,
                    %fields,
                    "{}",
                    self.clean(message)
                )
            };
        }
        match level {
            Level::Trace => emit!(trace),
            Level::Debug => emit!(debug),
            Level::Info => emit!(info),
            Level::Warn => emit!(warn),
            Level::Error => emit!(error),
        }
    }

    /// A stream for the guest's stdout.
    pub(super) fn stdout(&self) -> impl StdoutStream + 'static {
        Stream {
            output: self.clone(),
            source: Source::Stdout,
        }
    }

    /// A stream for the guest's stderr.
    pub(super) fn stderr(&self) -> impl StdoutStream + 'static {
        Stream {
            output: self.clone(),
            source: Source::Stderr,
        }
    }

    fn print(&self, source: Source, bytes: &[u8]) {
        let mut state = self.state();
        let kept = self.take(&mut state, bytes.len());
        let mut rest = bytes.get(..kept).unwrap_or_default();
        if let Some(kept) = &mut state.kept {
            match source {
                Source::Stdout => kept.stdout.extend_from_slice(rest),
                Source::Stderr => kept.stderr.extend_from_slice(rest),
            }
        }
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, tail) = rest.split_at(end);
            let mut whole = std::mem::take(state.buffer(source));
            whole.extend_from_slice(line);
            self.line(&state, source, &whole);
            rest = tail.get(1..).unwrap_or_default();
        }
        state.buffer(source).extend_from_slice(rest);
    }

    fn line(&self, state: &State, source: Source, line: &[u8]) {
        let Speaker { plugin, digest, .. } = &*self.shared.speaker;
        let (event, upload) = (&state.event, &state.upload);
        let text = String::from_utf8_lossy(line);
        let text = self.clean(text.trim_end_matches('\r'));
        match source {
            Source::Stdout => tracing::info!(plugin, digest, event, upload, "stdout: {text}"),
            Source::Stderr => tracing::warn!(plugin, digest, event, upload, "stderr: {text}"),
        }
    }

    fn mask(&self, text: &str) -> String {
        self.shared.speaker.mask.over(text)
    }

    /// The text without secrets, and without what would break a line or steer a
    /// terminal.
    fn clean(&self, text: &str) -> String {
        printable(&self.mask(text))
    }

    /// Takes up to `wanted` bytes of what the call may still say.
    fn take(&self, state: &mut State, wanted: usize) -> usize {
        let taken = wanted.min(state.left);
        state.left -= taken;
        if taken < wanted && !state.silenced {
            state.silenced = true;
            let Speaker { plugin, digest, .. } = &*self.shared.speaker;
            tracing::warn!(
                plugin,
                digest,
                event = state.event,
                upload = state.upload,
                "the plugin's output exceeds its limit for one call; the rest is dropped \
                 (`output-kib` under [limits] raises it)"
            );
        }
        taken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text without what would break a line or steer a terminal.
fn printable(text: &str) -> String {
    let escape = |character: char| {
        let escaped = character.is_control().then(|| character.escape_default());
        let plain = escaped.is_none().then_some(character);
        escaped.into_iter().flatten().chain(plain)
    };
    text.chars().flat_map(escape).collect()
}

impl State {
    fn buffer(&mut self, source: Source) -> &mut Vec<u8> {
        match source {
            Source::Stdout => &mut self.stdout,
            Source::Stderr => &mut self.stderr,
        }
    }
}

/// A guest's stdout or stderr.
struct Stream {
    output: Output,
    source: Source,
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    // WASI 0.1 and 0.2 both write through `p2_stream`; nothing asks for this one.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Self {
            output: self.output.clone(),
            source: self.source,
        })
    }
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.print(self.source, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}

#[async_trait::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output() -> Output {
        let output = Output::new(Arc::new(Speaker {
            plugin: "chatty".to_owned(),
            ..Speaker::default()
        }));
        output.begin_call("event", "upload", 10);
        output
    }

    #[test]
    fn a_line_is_kept_until_its_end_comes() {
        let output = output();
        output.print(Source::Stdout, b"ab");
        assert_eq!(output.state().stdout, b"ab");
        output.print(Source::Stdout, b"c\nd");
        assert_eq!(output.state().stdout, b"d");
        output.end_call();
        assert!(output.state().stdout.is_empty());
    }

    #[test]
    fn what_exceeds_the_bound_is_neither_kept_nor_counted() {
        let output = output();
        output.print(Source::Stderr, &[b'x'; 100]);
        assert_eq!(output.state().stderr.len(), 10);
        assert_eq!(output.state().left, 0);
        output.print(Source::Stderr, &[b'x'; 100]);
        assert_eq!(output.state().stderr.len(), 10);
    }

    #[test]
    fn a_guest_can_neither_break_a_line_nor_steer_a_terminal() {
        assert_eq!(printable("it's \"ü\""), "it's \"ü\"");
        assert_eq!(printable("a\nb\x1b[2J"), "a\\nb\\u{1b}[2J");
    }

    #[test]
    fn every_call_has_its_own_bound() {
        let output = output();
        output.print(Source::Stdout, &[b'\n'; 100]);
        output.begin_call("event", "upload", 10);
        assert_eq!(output.state().left, 10);
    }
}
