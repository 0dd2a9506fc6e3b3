//! What the kernel knows about a process: memory and processor time.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Resident memory of some processes together, in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) resident: f64,
    /// The most since [`forget_peak`], each process for itself.
    pub(crate) peak: f64,
}

/// The memory of `processes`.
pub(crate) fn memory(processes: &[u32]) -> Result<Memory> {
    let mut sum = Memory {
        resident: 0.0,
        peak: 0.0,
    };
    for process in processes {
        let status = read(*process, "status")?;
        sum.resident += mib(&status, "VmRSS:")?;
        sum.peak += mib(&status, "VmHWM:")?;
    }
    Ok(sum)
}

/// Lets the peaks of `processes` begin at what they have now.
pub(crate) fn forget_peak(processes: &[u32]) -> Result<()> {
    for process in processes {
        let path = format!("/proc/{process}/clear_refs");
        // "5" resets the peak and nothing else (proc_pid_clear_refs(5)).
        fs::write(&path, "5").with_context(|| format!("cannot write {path}"))?;
    }
    Ok(())
}

/// How many files and connections `processes` have open.
pub(crate) fn open_files(processes: &[u32]) -> Result<usize> {
    let mut count = 0;
    for process in processes {
        let path = format!("/proc/{process}/fd");
        count += fs::read_dir(&path)
            .with_context(|| format!("cannot read {path}"))?
            .count();
    }
    Ok(count)
}

/// The processor time that `processes` took, with that of their children which
/// have ended.
pub(crate) fn processor_time(processes: &[u32]) -> Result<Duration> {
    let mut ticks = 0;
    for process in processes {
        let stat = read(*process, "stat")?;
        // utime, stime, cutime, cstime (proc_pid_stat(5)).
        let times = after_name(&stat).skip(11).take(4);
        ticks += times
            .filter_map(|time| time.parse::<u64>().ok())
            .sum::<u64>();
    }
    let tick = 1e3 / rustix::param::clock_ticks_per_second() as f64;
    Ok(Duration::from_secs_f64(ticks as f64 * tick / 1e3))
}

/// The process and the children that it has now.
pub(crate) fn with_children(process: u32) -> Result<Vec<u32>> {
    let parent = process.to_string();
    let mut all = vec![process];
    for entry in fs::read_dir("/proc").context("cannot read /proc")? {
        let name = entry.context("cannot read /proc")?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have ended in the meantime.
        let Ok(stat) = read(child, "stat") else {
            continue;
        };
        if after_name(&stat).nth(1) == Some(&parent) {
            all.push(child);
        }
    }
    Ok(all)
}

/// The fields of `stat` from the state on: the name before it may hold anything.
fn after_name(stat: &str) -> impl Iterator<Item = &str> {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_ascii_whitespace()
}

fn read(process: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{process}/{file}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

fn mib(status: &str, name: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib: Option<f64> = line
        .and_then(|line| line.split_ascii_whitespace().next())
        .and_then(|kib| kib.parse().ok());
    Ok(kib.with_context(|| format!("/proc says no {name}"))? / 1024.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_memory_and_a_parent() {
        let this = std::process::id();
        let memory = super::memory(&[this]).unwrap();
        assert!(memory.resident > 0.0 && memory.peak >= memory.resident);
        let parent = std::os::unix::process::parent_id();
        assert!(super::with_children(parent).unwrap().contains(&this));
    }
}
