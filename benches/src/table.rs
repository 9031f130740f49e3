//! A table that reads well on a terminal and is Markdown at the same time.

use std::fmt;

/// Rows of text below a heading. The first column is flush left, the others are flush right.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        Self { rows: vec![columns.iter().map(|column| (*column).to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether it has no rows below its heading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let cell = |row: &'_ [String], column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or_default().max(2)
            })
            .collect();
        for (number, row) in self.rows.iter().enumerate() {
            f.write_str("|")?;
            for (column, width) in widths.iter().enumerate() {
                let text = cell(row, column);
                if column == 0 { write!(f, " {text:<width$} |")? } else { write!(f, " {text:>width$} |")? }
            }
            f.write_str("\n")?;
            if number == 0 {
                f.write_str("|")?;
                for (column, width) in widths.iter().enumerate() {
                    let line = "-".repeat(width - 1);
                    if column == 0 { write!(f, " {line}- |")? } else { write!(f, " {line}: |")? }
                }
                f.write_str("\n")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["monitor", "rate"]);
        table.row(vec!["a".to_owned(), "100 %".to_owned()]);
        table.row(vec!["longer name".to_owned()]);
        let text = "\
| monitor     |  rate |
| ----------- | ----: |
| a           | 100 % |
| longer name |       |
";
        assert_eq!(table.to_string(), text);
    }
}
