//! The outbox as the server uses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use async_trait::async_trait;
use tokio::runtime::Handle;

use crate::outbox::{Config, Deliver, Entry, Outbox, Outcome};

/// A sink that takes everything, or nothing.
struct Sink {
    takes: bool,
    taken: AtomicU64,
}

#[async_trait]
impl Deliver for Sink {
    async fn deliver(&self, _sink: &str, _entry: &Entry, _attempt: u32) -> Outcome {
        if !self.takes {
            return Outcome::Absent;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Outcome::Delivered
    }

    fn at_once(&self, _sink: &str) -> usize {
        usize::MAX
    }
}

/// Prints events per second that are promised, kept, and taken by a sink.
pub fn measure(within: Duration, rounds: usize, producers: usize) -> Result<()> {
    println!("| the outbox, {producers} producers, 2 KiB | promised/s | delivered/s |");
    println!("| --- | ---: | ---: |");
    let runtime = tokio::runtime::Runtime::new()?;
    for (what, takes) in [
        ("its sink takes all", true),
        ("its sink takes nothing", false),
    ] {
        let (mut promised, mut taken) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let rates = runtime.block_on(run(within, producers, takes))?;
            promised.push(rates.0);
            taken.push(rates.1);
        }
        println!(
            "| {what} | {} | {} |",
            crate::spread(promised),
            crate::spread(taken)
        );
    }
    Ok(())
}

async fn run(within: Duration, producers: usize, takes: bool) -> Result<(f64, f64)> {
    let directory = crate::directory()?;
    let config = Config {
        max_bytes: 1 << 40,
        ..Config::default()
    };
    let outbox = Arc::new(Outbox::open(directory.path(), config)?);
    let sink = Arc::new(Sink {
        takes,
        taken: AtomicU64::new(0),
    });
    outbox.start(&Handle::current(), Arc::clone(&sink) as Arc<dyn Deliver>);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..producers)
        .map(|producer| tokio::spawn(produce(Arc::clone(&outbox), producer, begun + within)))
        .collect();
    let mut promised = 0;
    for task in tasks {
        promised += task.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let taken = sink.taken.load(Ordering::Relaxed);
    outbox.close(Duration::from_secs(10)).await;
    Ok((promised as f64 / seconds, taken as f64 / seconds))
}

async fn produce(outbox: Arc<Outbox>, producer: usize, until: Instant) -> Result<u64> {
    let sinks: Vec<Arc<str>> = vec!["sink".into()];
    let mut count = 0;
    while Instant::now() < until {
        let event = crate::group::event(0);
        let entry = Entry {
            event_id: event.id,
            // Ten events in the life of an upload.
            upload: format!("{producer}-{}", count / 10),
            kind: "post-create".to_owned(),
            payload: event.payload,
        };
        let promise = outbox.promise(vec![entry], sinks.clone()).await?;
        promise.keep();
        count += 1;
    }
    Ok(count)
}
