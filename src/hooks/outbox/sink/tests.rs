//! A sink by a clock of the test.

use super::*;

/// A sink with a writer that has nothing for it, by a clock of its own.
struct Bench {
    sink: Arc<Sink>,
    queue: CommandQueue,
    now: Now,
}

impl Bench {
    fn new(config: &Config) -> Self {
        let bench = Self {
            sink: Arc::new(Sink::new("sink".into(), config)),
            queue: CommandQueue::default(),
            now: Now {
                instant: Instant::now(),
                unix: 1_000_000,
            },
        };
        bench.sink.read(Vec::new(), None, true);
        bench
    }

    fn kept(&self, seq: i64, upload: &str) {
        self.sink.kept(Queued {
            seq,
            since: self.now.unix,
            attempts: 0,
            entry: Arc::new(Entry {
                event_id: seq.to_string(),
                upload: upload.to_owned(),
                kind: "post-create".to_owned(),
                payload: Vec::new(),
            }),
        });
    }

    fn next(&self) -> Step {
        self.sink.next(self.now, usize::MAX, &self.queue)
    }

    fn job(&self) -> Job {
        match self.next() {
            Step::Deliver(job) => job,
            other => panic!("{other:?}"),
        }
    }

    /// All that can be delivered now.
    fn jobs(&self) -> Vec<Job> {
        std::iter::from_fn(|| match self.next() {
            Step::Deliver(job) => Some(job),
            Step::Sleep(_) | Step::Wait => None,
        })
        .collect()
    }

    fn done(&self, job: &Job, outcome: Outcome) {
        self.sink.done(job, outcome, self.now, &self.queue);
    }

    fn fails(&self, job: &Job, after: Option<Duration>) {
        let outcome = Outcome::Retry {
            after,
            cause: "busy".to_owned(),
            text: "try again".to_owned(),
        };
        self.done(job, outcome);
    }

    fn later(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.unix += i64::try_from(time.as_millis()).unwrap();
    }

    fn dead(&self) -> Vec<i64> {
        let commands = self.queue.take(Duration::ZERO, None).commands;
        let dead = |command: &Command| match command {
            Command::Dead { seq, .. } => Some(*seq),
            _ => None,
        };
        commands.iter().filter_map(dead).collect()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_event_that_failed_waits_and_holds_up_its_upload_and_no_other() {
    let mut bench = Bench::new(&Config::default());
    for (seq, upload) in [(1, "a"), (2, "a"), (3, "b")] {
        bench.kept(seq, upload);
    }
    let (first, other) = (bench.job(), bench.job());
    assert_eq!((first.entry.event_id.as_str(), first.attempt), ("1", 1));
    assert_eq!(other.entry.event_id, "3");
    assert!(matches!(bench.next(), Step::Wait));
    bench.fails(&first, Some(5 * SECOND));
    bench.done(&other, Outcome::Delivered);
    let Step::Sleep(until) = bench.next() else {
        panic!("it was to wait");
    };
    assert_eq!(until - bench.now.instant, 5 * SECOND);
    bench.later(5 * SECOND);
    let again = bench.job();
    assert_eq!((again.entry.event_id.as_str(), again.attempt), ("1", 2));
    bench.done(&again, Outcome::Delivered);
    assert_eq!(bench.job().entry.event_id, "2");
}

#[test]
fn a_sink_that_is_down_is_asked_with_one_event_and_gets_all_when_it_works() {
    let mut bench = Bench::new(&Config::default());
    for seq in 0..20 {
        bench.kept(seq, &seq.to_string());
    }
    let jobs = bench.jobs();
    assert_eq!(jobs.len(), 20);
    jobs.iter().for_each(|job| bench.fails(job, None));
    assert!(bench.sink.is_down());
    bench.later(60 * SECOND);
    let probe = bench.jobs();
    assert_eq!(probe.len(), 1);
    bench.fails(&probe[0], Some(7 * SECOND));
    bench.later(6 * SECOND);
    assert!(bench.jobs().is_empty());
    bench.later(SECOND);
    let probe = bench.jobs();
    assert_eq!(probe.len(), 1);
    bench.done(&probe[0], Outcome::Delivered);
    assert!(!bench.sink.is_down());
    assert_eq!(bench.jobs().len(), 19);
}

#[test]
fn a_failure_now_and_then_does_not_make_a_sink_down() {
    let mut bench = Bench::new(&Config::default());
    for seq in 0..100 {
        bench.kept(seq, "failing");
        bench.kept(seq + 1000, &seq.to_string());
        for job in bench.jobs() {
            match job.entry.upload.as_str() {
                "failing" => bench.fails(&job, None),
                _ => bench.done(&job, Outcome::Delivered),
            }
        }
        bench.later(60 * SECOND);
    }
    assert!(!bench.sink.is_down());
}

#[test]
fn past_the_deadline_everything_is_given_up_also_while_a_sink_is_down() {
    let config = Config {
        deadline: 100 * SECOND,
        ..Config::default()
    };
    let mut bench = Bench::new(&config);
    for seq in 0..20 {
        bench.kept(seq, &(seq / 2).to_string());
    }
    for job in bench.jobs() {
        bench.fails(&job, None);
    }
    bench.later(90 * SECOND);
    bench.kept(20, "late");
    let probe = bench.job();
    bench.fails(&probe, Some(20 * SECOND));
    assert_eq!(bench.dead(), [0; 0]);
    bench.later(20 * SECOND);
    let probe = bench.job();
    let mut dead = bench.dead();
    bench.fails(&probe, None);
    assert!(matches!(bench.next(), Step::Sleep(_)));
    dead.extend(bench.dead());
    dead.sort_unstable();
    assert_eq!(dead, (0..20).collect::<Vec<_>>());
    assert_eq!(bench.sink.in_memory(), 1);
}

#[test]
fn progress_that_fails_is_repeated_until_there_is_later_progress_or_an_event() {
    let mut bench = Bench::new(&Config::default());
    let progress = |number: i64| {
        bench.sink.progress(Arc::new(Entry {
            event_id: number.to_string(),
            upload: "a".to_owned(),
            kind: "post-receive".to_owned(),
            payload: Vec::new(),
        }));
    };
    progress(1);
    let job = bench.job();
    bench.fails(&job, None);
    bench.later(60 * SECOND);
    let job = bench.job();
    assert_eq!((job.entry.event_id.as_str(), job.attempt), ("1", 2));
    bench.kept(7, "a");
    bench.fails(&job, None);
    let job = bench.job();
    assert_eq!(job.entry.event_id, "7");
    bench.done(&job, Outcome::Delivered);
    assert!(bench.jobs().is_empty());
}

#[test]
fn a_sink_that_is_behind_reads_on_and_tells_no_progress_before() {
    let config = Config {
        window: 4,
        ..Config::default()
    };
    let bench = Bench::new(&config);
    for seq in 0..10 {
        bench.kept(seq, "a");
    }
    assert_eq!(bench.sink.in_memory(), 4);
    bench.sink.progress(Arc::new(Entry {
        event_id: "progress".to_owned(),
        upload: "b".to_owned(),
        kind: "post-receive".to_owned(),
        payload: Vec::new(),
    }));
    for _ in 0..2 {
        let job = bench.job();
        bench.done(&job, Outcome::Delivered);
    }
    // It keeps an event that comes after all that it knows where it is.
    bench.kept(10, "a");
    let job = bench.job();
    let commands = bench.queue.take(Duration::ZERO, None).commands;
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::Read(_)))
    );
    assert_eq!(bench.sink.reads(), (3, 6));
    assert_eq!(job.entry.event_id, "2");
    assert!(bench.jobs().is_empty());
}
