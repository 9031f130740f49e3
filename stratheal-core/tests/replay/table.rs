//! Markdown tables, and the page that holds them.

use std::fmt;
use std::fs;
use std::path::Path;

pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<'a>(head: impl IntoIterator<Item = &'a str>) -> Self {
        Self { rows: vec![head.into_iter().map(str::to_owned).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl Iterator<Item = String>) {
        self.rows.push(cells.collect());
        assert_eq!(self.rows.last().map(Vec::len), self.rows.first().map(Vec::len), "a cell for each column");
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, row) in self.rows.iter().enumerate() {
            writeln!(f, "| {} |", row.join(" | "))?;
            if place == 0 {
                writeln!(f, "|{}", "---|".repeat(row.len()))?;
            }
        }
        Ok(())
    }
}

/// Compares the tables with those in the page, between `<!-- NAME -->` and `<!-- end of NAME -->`, or writes them there.
pub(crate) fn in_page(tables: &[(&str, &Table)]) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/alert-quality.md");
    let before = fs::read_to_string(&page).expect("docs/alert-quality.md can be read");
    let mut after = before.clone();
    for (name, table) in tables {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (head, rest) = after.split_once(&begin).unwrap_or_else(|| panic!("the page has no `{begin}`"));
        let (_, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("the page has no `{end}`"));
        after = format!("{head}{begin}\n{table}\n{end}{tail}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, after).expect("docs/alert-quality.md can be written");
    } else if before != after {
        panic!("docs/alert-quality.md is out of date: run with UPDATE_DOCS=1 and look at what changed");
    }
}
