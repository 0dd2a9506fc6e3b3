//! The connections and channels of one plugin, and the one task that looks after
//! them.
//!
//! Nothing is opened before it is needed. A message goes to the channel with the
//! least under way; when all have much, another channel is opened, and when a
//! connection is full of channels another connection, up to the bounds. One
//! thing is opened at a time, and after a failure nothing for a while: a broker
//! that is down is not hammered, and calls fail at once.
//!
//! The task ends when whoever may publish is gone, and closes everything then.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use lapin::Channel;
use tokio::sync::mpsc::{Receiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::confirms::{self, Confirms, Job};
use super::connector::{Connector, Link};
use super::gate::Gate;
use super::load::Load;
use super::memo::Memo;
use super::topology::Plan;
use super::trouble::Trouble;

/// Messages under way on every channel before another is opened. One channel
/// confirms thousands a second with this many; more of them help when the broker
/// has more processors than one.
const MUCH: usize = 32;

/// How often it is looked for what is idle. Times are given in seconds.
const ROUND: Duration = Duration::from_secs(1);

/// How much may be open, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// At least 1.
    pub(super) connections: usize,
    /// On each connection, at least 1.
    pub(super) channels: usize,
    /// What is not used for so long is closed.
    pub(super) idle_connection: Option<Duration>,
    pub(super) idle_channel: Option<Duration>,
}

/// What is asked of the task.
pub(super) enum Work {
    Publish(Box<Job>),
    Declare(Plan, oneshot::Sender<Result<(), Trouble>>),
}

/// An open channel.
struct Route {
    id: u64,
    /// Not bounded by itself: all in it have somebody who waits, and a plugin's
    /// calls are.
    jobs: UnboundedSender<Job>,
    load: Load,
}

/// An open connection.
struct Connected {
    id: u64,
    link: Link,
    routes: Vec<Route>,
    /// The broker opens no more channels on it.
    full: bool,
    /// When it was used last, by a channel that is gone.
    used: Instant,
}

impl Connected {
    /// How long nothing was under way on it.
    fn idle(&self) -> Duration {
        let routes = self.routes.iter().map(|route| route.load.idle());
        routes.fold(self.used.elapsed(), Duration::min)
    }

    /// Lets go of the channels that are not used.
    fn let_go_of_idle(&mut self, most: Duration) {
        for idle in self
            .routes
            .extract_if(.., |route| route.load.idle() >= most)
        {
            if let Some(used) = Instant::now().checked_sub(idle.load.idle()) {
                self.used = self.used.max(used);
            }
        }
    }
}

/// What came of opening something.
enum Opened {
    /// A connection with its first channel.
    Connection(Result<(Link, Channel), Trouble>),
    /// One more channel on this connection.
    Channel(u64, Result<Channel, Trouble>),
}

type Opening = Pin<Box<dyn Future<Output = Opened> + Send>>;

/// What came of declaring: what, on which connection.
type Declared = (String, u64, Result<(), Trouble>);

/// The task's state.
pub(super) struct Pool {
    connector: Connector,
    bounds: Bounds,
    connected: Vec<Connected>,
    next_id: u64,
    opening: Option<Opening>,
    gate: Gate,
    /// What waits for the first channel.
    waiting: Vec<Work>,
    memo: Memo,
    /// Who waits for what is being declared.
    declaring: HashMap<String, Vec<oneshot::Sender<Result<(), Trouble>>>>,
    declarations: JoinSet<Declared>,
    /// One task for each channel; gives the channel and what it did not send.
    channels: JoinSet<(u64, Vec<Job>)>,
}

impl Pool {
    pub(super) fn new(connector: Connector, bounds: Bounds) -> Self {
        Self {
            connector,
            bounds,
            connected: Vec::new(),
            next_id: 0,
            opening: None,
            gate: Gate::default(),
            waiting: Vec::new(),
            memo: Memo::default(),
            declaring: HashMap::new(),
            declarations: JoinSet::new(),
            channels: JoinSet::new(),
        }
    }

    /// Works until nobody can ask for more.
    pub(super) async fn run(mut self, mut work: Receiver<Work>) {
        let mut round = interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                work = work.recv() => match work {
                    Some(work) => self.take(work),
                    None => break,
                },
                opened = next(&mut self.opening) => self.opened(opened),
                Some(ended) = self.channels.join_next() => self.ended(ended),
                Some(declared) = self.declarations.join_next() => self.declared(declared),
                _ = round.tick() => self.let_go_of_idle(),
            }
        }
        self.close().await;
    }

    fn take(&mut self, work: Work) {
        match work {
            Work::Publish(job) => self.publish(*job),
            Work::Declare(plan, reply) => self.declare(plan, reply),
        }
    }

    fn publish(&mut self, mut job: Job) {
        let least = self.least_loaded().map(|(count, route)| {
            job.ticket = Some(route.load.ticket());
            (count, route.jobs.clone())
        });
        match least {
            Some((count, jobs)) => {
                // A channel that just ended takes nothing; its end says so soon.
                if let Err(refused) = jobs.send(job) {
                    self.waiting.push(Work::Publish(Box::new(refused.0)));
                }
                if count >= MUCH
                    && let Err(trouble) = self.grow()
                {
                    tracing::debug!(%trouble, "no further channel to the broker");
                }
            }
            None => match self.grow() {
                Ok(()) => self.waiting.push(Work::Publish(Box::new(job))),
                Err(trouble) => job.answer(Err(trouble)),
            },
        }
    }

    fn least_loaded(&self) -> Option<(usize, &Route)> {
        let alive = self.connected.iter().filter(|on| on.link.is_alive());
        let routes = alive.flat_map(|on| &on.routes);
        let open = routes.filter(|route| !route.jobs.is_closed());
        open.map(|route| (route.load.count(), route))
            .min_by_key(|(count, _)| *count)
    }

    /// Opens one more channel where that is allowed. An error if there is none to
    /// wait for.
    fn grow(&mut self) -> Result<(), Trouble> {
        if self.opening.is_some() {
            return Ok(());
        }
        if let Some(trouble) = self.gate.shut(Instant::now()) {
            return Err(trouble.clone());
        }
        self.drop_connections(|on| !on.link.is_alive());
        let most = self.bounds.channels;
        let mut free = self.connected.iter();
        if let Some(on) = free.find(|on| !on.full && on.routes.len() < most) {
            let (id, link) = (on.id, on.link.clone());
            self.opening = Some(Box::pin(async move {
                Opened::Channel(id, link.confirming_channel().await)
            }));
        } else if self.connected.len() < self.bounds.connections {
            let connector = self.connector.clone();
            self.opening = Some(Box::pin(async move {
                Opened::Connection(connect(&connector).await)
            }));
        }
        Ok(())
    }

    fn opened(&mut self, opened: Opened) {
        match opened {
            Opened::Connection(Ok((link, channel))) => {
                self.gate.open();
                let id = self.next_id();
                self.connected.push(Connected {
                    id,
                    link,
                    routes: Vec::new(),
                    full: false,
                    used: Instant::now(),
                });
                self.add_route(id, channel);
            }
            Opened::Connection(Err(trouble)) => self.failed(trouble),
            Opened::Channel(id, Ok(channel)) => self.add_route(id, channel),
            Opened::Channel(id, Err(trouble)) => {
                let on = self.connected.iter_mut().find(|on| on.id == id);
                match on {
                    Some(on) if on.link.is_alive() && !on.routes.is_empty() => on.full = true,
                    Some(on) if on.link.is_alive() => {
                        // Nothing goes through this one, nor would through another.
                        self.drop_connections(|on| on.id == id);
                        return self.failed(trouble);
                    }
                    _ => self.drop_connections(|on| on.id == id),
                }
            }
        }
        self.take_waiting();
    }

    /// Nothing could be opened: nothing is for a while, and who waits for it is
    /// told.
    fn failed(&mut self, trouble: Trouble) {
        self.gate.shut_for(Instant::now(), trouble);
        self.take_waiting();
    }

    fn take_waiting(&mut self) {
        for work in std::mem::take(&mut self.waiting) {
            self.take(work);
        }
    }

    fn add_route(&mut self, connection: u64, channel: Channel) {
        let id = self.next_id();
        let Some(on) = self.connected.iter_mut().find(|on| on.id == connection) else {
            return;
        };
        let (jobs, receiver) = unbounded_channel();
        on.routes.push(Route {
            id,
            jobs,
            load: Load::new(),
        });
        let confirms = Confirms::new(channel, self.memo.clone());
        self.channels
            .spawn(async move { (id, confirms.run(receiver).await) });
    }

    /// A channel came to its end.
    fn ended(&mut self, ended: Result<(u64, Vec<Job>), JoinError>) {
        match ended {
            Ok((id, rest)) => {
                for on in &mut self.connected {
                    on.routes.retain(|route| route.id != id);
                    on.full = false;
                }
                let rest = rest.into_iter().map(Box::new);
                self.waiting.extend(rest.map(Work::Publish));
            }
            Err(error) => {
                tracing::error!(%error, "a task of the connections to a broker panicked");
                for on in &mut self.connected {
                    on.routes.retain(|route| !route.jobs.is_closed());
                }
            }
        }
        self.drop_connections(|on| !on.link.is_alive());
        self.take_waiting();
    }

    /// Lets go of connections. Their channels end when they have nothing under
    /// way, or at once if they are dead.
    fn drop_connections(&mut self, which: impl Fn(&Connected) -> bool) {
        for gone in self.connected.extract_if(.., |on| which(on)) {
            self.memo.forget(gone.id);
        }
    }

    fn declare(&mut self, plan: Plan, reply: oneshot::Sender<Result<(), Trouble>>) {
        if self.memo.has(&plan.key) {
            // Who asked may have given up; here and below.
            drop(reply.send(Ok(())));
            return;
        }
        if let Some(others) = self.declaring.get_mut(&plan.key) {
            others.push(reply);
            return;
        }
        let mut alive = self.connected.iter().filter(|on| on.link.is_alive());
        let Some(on) = alive.next() else {
            match self.grow() {
                Ok(()) => self.waiting.push(Work::Declare(plan, reply)),
                Err(trouble) => drop(reply.send(Err(trouble))),
            }
            return;
        };
        let (id, link) = (on.id, on.link.clone());
        self.declaring.insert(plan.key.clone(), vec![reply]);
        self.declarations
            .spawn(async move { (plan.key.clone(), id, plan.declare(link).await) });
    }

    fn declared(&mut self, declared: Result<Declared, JoinError>) {
        let (key, id, outcome) = match declared {
            Ok(declared) => declared,
            Err(error) => {
                tracing::error!(%error, "declaring at a broker panicked");
                self.declaring.clear();
                return;
            }
        };
        for reply in self.declaring.remove(&key).unwrap_or_default() {
            drop(reply.send(outcome.clone()));
        }
        if outcome.is_ok() && self.connected.iter().any(|on| on.id == id) {
            self.memo.keep(key, id);
        }
    }

    fn let_go_of_idle(&mut self) {
        if let Some(most) = self.bounds.idle_channel {
            for on in &mut self.connected {
                on.let_go_of_idle(most);
            }
        }
        let most = self.bounds.idle_connection;
        self.drop_connections(|on| most.is_some_and(|most| on.idle() >= most));
        self.drop_connections(|on| !on.link.is_alive());
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Lets what is under way come to its end, and closes all.
    async fn close(mut self) {
        for on in &mut self.connected {
            on.routes.clear();
        }
        let all = async {
            while self.channels.join_next().await.is_some() {}
            while self.declarations.join_next().await.is_some() {}
        };
        if timeout(confirms::PATIENCE * 2, all).await.is_err() {
            tracing::debug!("channels to a broker did not close in time");
        }
        for on in self.connected {
            on.link.close().await;
        }
    }
}

async fn connect(connector: &Connector) -> Result<(Link, Channel), Trouble> {
    let link = connector.connect().await?;
    match link.confirming_channel().await {
        Ok(channel) => Ok((link, channel)),
        Err(trouble) => {
            link.close().await;
            Err(trouble)
        }
    }
}

/// What is being opened, as soon as it is.
async fn next(opening: &mut Option<Opening>) -> Opened {
    let opened = match opening {
        Some(opening) => opening.await,
        None => pending().await,
    };
    *opening = None;
    opened
}
