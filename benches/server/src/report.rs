//! Tables in Markdown.

/// A table that is printed as a whole.
#[derive(Debug)]
pub(crate) struct Table {
    columns: usize,
    lines: Vec<String>,
}

impl Table {
    /// A table with a title and the names of its columns; the first is text, the
    /// others are figures.
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let rule: Vec<&str> = columns
            .iter()
            .enumerate()
            .map(|(index, _)| if index == 0 { "---" } else { "---:" })
            .collect();
        Self {
            columns: columns.len(),
            lines: vec![
                format!("### {title}\n"),
                row(columns.iter().copied()),
                row(rule.into_iter()),
            ],
        }
    }

    /// One more line.
    pub(crate) fn add(&mut self, name: &str, figures: &[String]) {
        let cells = std::iter::once(name).chain(figures.iter().map(String::as_str));
        self.lines.push(row(cells));
    }

    /// The line of one that could not be had.
    pub(crate) fn add_missing(&mut self, name: &str, reason: &str) {
        let rest = std::iter::repeat_n("", self.columns.saturating_sub(2));
        let said = format!("not measured: {reason}");
        self.lines.push(row([name, &said].into_iter().chain(rest)));
    }

    /// Prints it, and what is to be known about it.
    pub(crate) fn print(self, note: &str) {
        println!("{}\n\n{note}\n", self.lines.join("\n"));
    }
}

fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<&str> = cells.collect();
    format!("| {} |", cells.join(" | "))
}

/// Says on stderr what is going on.
pub(crate) fn progress(text: &str) {
    eprintln!("server-bench: {text}");
}
