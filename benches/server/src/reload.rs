//! Figure: how long the old plugin answers after the new one is in place.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::connection::Connection;
use crate::goals::Goal;
use crate::place::Place;
use crate::plan::Plan;
use crate::report::{Table, progress};
use crate::servers::start_with_rule;
use crate::statistics::Series;

/// How long a new plugin may take: one that nobody noticed is found within two
/// seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// The plugin's two versions, which say so in the header field `x-rule`.
struct Rule {
    a: Vec<u8>,
    b: Vec<u8>,
}

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let rule = Rule::read(place)?;
    progress("reload of modules that were compiled before");
    let warm = measure(place, plan, &rule, false)?;
    progress("reload of modules that were never compiled");
    let cold = measure(place, plan, &rule, true)?;
    let mut table = Table::new(
        "Reload",
        &["module", "from rename to first answer", "(least to most)"],
    );
    for (name, times) in [("compiled before", &warm), ("never compiled", &cold)] {
        table.add(
            name,
            &[
                format!("{:.0} ms", times.median()),
                format!("{:.0} to {:.0} ms", times.least(), times.greatest()),
            ],
        );
    }
    table.print(&format!(
        "The median of {} each. One connection creates uploads without pause from the moment of \
         the rename; the module has {} KiB.",
        plan.reloads,
        rule.a.len() >> 10
    ));
    Ok(vec![Goal::at_most(
        "reload of a plugin",
        500.0,
        " ms",
        &cold,
    )])
}

impl Rule {
    fn read(place: &Place) -> Result<Self> {
        let read = |name: &str| {
            let path = place.programs().guests.join(name);
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Self {
            a: read("rule-a.wasm")?,
            b: read("rule-b.wasm")?,
        })
    }
}

/// The times in milliseconds; with `new`, each module is one that nobody has
/// compiled.
fn measure(place: &Place, plan: &Plan, rule: &Rule, new: bool) -> Result<Series> {
    let (server, hooks) = start_with_rule(place, &rule.a)?;
    let staging = place.folder("staging")?;
    let mut connection = Connection::open(server.address())?;
    let mut times = Series::default();
    // Two more than are counted: the first pair fills the cache of compiled code.
    for number in 0..plan.reloads + 2 {
        let (version, module) = if number % 2 == 0 {
            ("b", &rule.b)
        } else {
            ("a", &rule.a)
        };
        let mut module = module.clone();
        if new {
            add_section(&mut module, number);
        }
        let took = replace(&mut connection, &hooks, &staging, &module, version)
            .with_context(|| format!("replacing the plugin, number {number}"))?;
        if number >= 2 {
            times.push(took.as_secs_f64() * 1e3);
        }
    }
    Ok(times)
}

/// Puts `module` in place and asks until `version` answers.
fn replace(
    connection: &mut Connection,
    hooks: &Path,
    staging: &Path,
    module: &[u8],
    version: &str,
) -> Result<Duration> {
    let staged = staging.join("rule.wasm");
    fs::write(&staged, module).context("cannot write the plugin")?;
    let begun = Instant::now();
    fs::rename(&staged, hooks.join("rule.wasm")).context("cannot place the plugin")?;
    loop {
        let answered = connection.create(1, |answer| {
            Ok(answer.field("x-rule").is_some_and(|rule| rule == version))
        })?;
        let took = begun.elapsed();
        if answered {
            return Ok(took);
        }
        ensure!(took < PATIENCE, "no answer by it within {PATIENCE:?}");
    }
}

/// Makes a module another one: a custom section (id 0, its size, the size of its
/// name, its name, bytes) that nothing reads.
fn add_section(module: &mut Vec<u8>, number: usize) {
    let name = b"bench";
    let content = (number as u64).to_le_bytes();
    // Both sizes are below 128, which is one byte of LEB128.
    module.extend([0, (1 + name.len() + content.len()) as u8, name.len() as u8]);
    module.extend(name);
    module.extend(content);
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_section_has_the_size_that_it_says() {
        let mut module = Vec::new();
        super::add_section(&mut module, 7);
        assert_eq!(usize::from(module[1]), module.len() - 2);
        assert_eq!(&module[2..8], b"\x05bench");
    }
}
