//! Tables: as wide as they are for programs, fitted to the terminal for people.

use super::line;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use std::io::IsTerminal;

/// Narrower than this, wrapped cells are harder to read than lines that run over.
const NARROWEST: u16 = 40;

/// Prints a table; the columns named in `numbers` are right-aligned and never wrapped. On a terminal long cells wrap at its width; elsewhere each row is one line.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>], numbers: &[usize]) {
    for text in layout(header, rows, numbers, width()) {
        line(&text);
    }
}

/// How many of these columns fit side by side on the terminal, at least one; all of them where there is none.
pub(crate) fn fitting(widths: &[usize]) -> usize {
    let Some(width) = width() else { return widths.len() };
    let mut left = usize::from(width);
    let fits = |w: &&usize| {
        let room = **w + 2 <= left;
        left = left.saturating_sub(**w + 2);
        room
    };
    widths.iter().take_while(fits).count().max(1)
}

fn width() -> Option<u16> {
    let stdout = std::io::stdout();
    let (size, _) = stdout.is_terminal().then(|| terminal_size::terminal_size_of(stdout)).flatten()?;
    Some(size.0).filter(|width| *width >= NARROWEST)
}

fn layout(header: &[&str], rows: &[Vec<String>], numbers: &[usize], width: Option<u16>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.set_header(header.iter().map(|h| h.to_uppercase().replace('_', " ")));
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    for &index in numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|text| text.trim_end().to_owned()).collect()
}

/// Text of users may hold line breaks and codes that terminals obey.
fn plain(cell: &str) -> String {
    cell.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::layout;

    fn rows() -> Vec<Vec<String>> {
        vec![vec!["name".into(), "some words that wrap\nand a \x1b[31mcode".into(), "1234567".into()]]
    }

    #[test]
    fn a_row_is_one_line_where_nobody_looks() {
        let lines = layout(&["a", "b_c", "n"], &rows(), &[2], None);
        assert_eq!(
            lines,
            [
                " A     B C                                         N",
                " name  some words that wrap and a  [31mcode  1234567",
            ]
        );
    }

    #[test]
    fn long_cells_wrap_at_the_width_of_the_terminal() {
        let lines = layout(&["a", "b_c", "n"], &rows(), &[2], Some(40));
        assert!(lines.len() > 2 && lines.iter().all(|l| l.chars().count() <= 40), "{lines:#?}");
        assert!(lines[1].ends_with("1234567"), "{lines:#?}");
    }
}
