//! The thread that speaks with registries.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet, LocalSet};
use tokio::time::sleep;

use super::{RemotePlugin, imports};
use crate::oci::{Backoff, Digest, OciError, PullPolicy, Pulled, Puller, Wanted};
use crate::plugins::watch::Signal;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait. A registry that is away for an hour is no reason to ask more
/// often, and a fix should not wait for a restart.
const MOST: Duration = Duration::from_secs(300);

/// What became of an attempt to fetch a plugin.
pub(in crate::plugins) enum Arrival {
    /// It is there.
    Pulled(Arc<RemotePlugin>, Box<Pulled>),
    /// It is not, and will be tried again. Said in the log already.
    Failed(Arc<RemotePlugin>),
}

impl Arrival {
    /// The plugin that it is about.
    pub(in crate::plugins) const fn plugin(&self) -> &Arc<RemotePlugin> {
        match self {
            Self::Pulled(plugin, _) | Self::Failed(plugin) => plugin,
        }
    }
}

/// Fetches plugins. Ends its thread when dropped.
#[derive(Debug)]
pub(in crate::plugins) struct Fetcher {
    /// All plugins that are to be fetched from now on; its end is that of the thread.
    wishes: Option<UnboundedSender<Vec<Arc<RemotePlugin>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Fetcher {
    /// Begins with all of them at once. Each arrival is followed by a signal.
    pub(in crate::plugins) fn start(
        puller: Arc<Puller>,
        plugins: Vec<Arc<RemotePlugin>>,
        poll: Option<Duration>,
        news: Sender<Arrival>,
        signals: Sender<Signal>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (wishes, wished) = unbounded_channel();
        let work = Work {
            puller,
            poll,
            news,
            signals,
        };
        let thread = std::thread::Builder::new()
            .name("plugin-fetcher".to_owned())
            .spawn(move || {
                let mut pursuits = Pursuits::new(Rc::new(work));
                let all = async {
                    pursuits.follow(plugins);
                    pursuits.until_the_end_of(wished).await;
                };
                LocalSet::new().block_on(&runtime, all);
                // A look-up of a name that hangs is not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            wishes: Some(wishes),
            thread: Some(thread),
        })
    }

    /// From now on these are to be fetched and no others. One that is the same as
    /// before goes on as it is.
    pub(in crate::plugins) fn follow(&self, plugins: Vec<Arc<RemotePlugin>>) {
        let sent = self.wishes.as_ref().map(|wishes| wishes.send(plugins));
        if !matches!(sent, Some(Ok(()))) {
            tracing::error!("the thread that fetches plugins had ended before the server");
        }
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        drop(self.wishes.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that fetches plugins panicked");
        }
    }
}

/// The plugins that are being fetched or looked after, each in a task of its own.
struct Pursuits {
    work: Rc<Work>,
    tasks: JoinSet<()>,
    running: Vec<(Arc<RemotePlugin>, AbortHandle)>,
}

impl Pursuits {
    fn new(work: Rc<Work>) -> Self {
        Self {
            work,
            tasks: JoinSet::new(),
            running: Vec::new(),
        }
    }

    /// Ends what is no longer wanted, and begins with what is new.
    fn follow(&mut self, plugins: Vec<Arc<RemotePlugin>>) {
        let mut before = std::mem::take(&mut self.running);
        for plugin in plugins {
            let known = before.iter().position(|(it, _)| Arc::ptr_eq(it, &plugin));
            let task = match known {
                Some(at) => before.swap_remove(at).1,
                None => {
                    let (work, plugin) = (Rc::clone(&self.work), Arc::clone(&plugin));
                    self.tasks
                        .spawn_local(async move { work.keep(&plugin).await })
                }
            };
            self.running.push((plugin, task));
        }
        for (_, task) in before {
            task.abort();
        }
    }

    async fn until_the_end_of(&mut self, mut wished: UnboundedReceiver<Vec<Arc<RemotePlugin>>>) {
        loop {
            tokio::select! {
                wish = wished.recv() => match wish {
                    Some(plugins) => self.follow(plugins),
                    None => break,
                },
                Some(ended) = self.tasks.join_next() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        tracing::error!("a task that fetches a plugin panicked");
                    }
                }
            }
        }
        self.tasks.shutdown().await;
    }
}

/// What the thread works with.
struct Work {
    puller: Arc<Puller>,
    poll: Option<Duration>,
    news: Sender<Arrival>,
    signals: Sender<Signal>,
}

impl Work {
    /// Fetches a plugin until it is there, and then whenever its tag leads
    /// elsewhere, if that is to be looked at.
    async fn keep(&self, plugin: &Arc<RemotePlugin>) {
        let mut backoff = Backoff::new(FIRST, MOST);
        let mut before = None;
        loop {
            match self.fetch(plugin, before.as_ref()).await {
                Ok(pulled) => {
                    backoff.reset();
                    before = Some(pulled.digest.clone());
                    self.deliver(Arrival::Pulled(Arc::clone(plugin), Box::new(pulled)));
                    if !self.polls(plugin) {
                        return;
                    }
                }
                Err(error) => {
                    let wait = backoff.wait();
                    report(plugin, &error, wait);
                    self.deliver(Arrival::Failed(Arc::clone(plugin)));
                    sleep(wait).await;
                }
            }
        }
    }

    fn polls(&self, plugin: &RemotePlugin) -> bool {
        self.poll.is_some()
            && plugin.reference.digest().is_none()
            && plugin.policy != PullPolicy::Never
    }

    async fn fetch(
        &self,
        plugin: &RemotePlugin,
        before: Option<&Digest>,
    ) -> Result<Pulled, OciError> {
        let wanted = Wanted {
            reference: plugin.reference.clone(),
            policy: plugin.policy,
            limit: plugin.manifest.limits.module as u64,
        };
        let allowed = |config: &_| imports::check(config, &plugin.manifest);
        match (before, self.poll) {
            (Some(before), Some(poll)) => {
                let digest = self.moved(plugin, before, poll).await?;
                self.puller.pull_digest(&wanted, digest, allowed).await
            }
            _ => self.puller.pull(&wanted, allowed).await,
        }
    }

    /// Waits until the tag leads elsewhere than to `before`.
    async fn moved(
        &self,
        plugin: &RemotePlugin,
        before: &Digest,
        poll: Duration,
    ) -> Result<Digest, OciError> {
        loop {
            // Servers that started together need not ask together.
            sleep(poll.mul_f64(0.75 + fastrand::f64() / 4.0)).await;
            let now = self.puller.now(&plugin.reference).await?;
            if now != *before {
                return Ok(now);
            }
        }
    }

    fn deliver(&self, arrival: Arrival) {
        if self.news.send(arrival).is_err() || self.signals.send(Signal::Changed).is_err() {
            tracing::debug!("a plugin arrived after the end of the thread that loads plugins");
        }
    }
}

fn report(plugin: &RemotePlugin, error: &OciError, wait: Duration) {
    tracing::error!(
        plugin = plugin.name,
        reference = %plugin.reference,
        required = plugin.required,
        %error,
        again_in_seconds = wait.as_secs_f64().round(),
        "plugin not fetched"
    );
}
