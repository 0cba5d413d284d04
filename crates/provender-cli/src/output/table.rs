//! Tables: as wide as they are for programs, fitted to the terminal for people.

use super::line;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use std::io::IsTerminal;

/// Narrower than this, wrapped cells are harder to read than lines that run over.
const NARROWEST: u16 = 40;
/// A blank on either side of a cell.
const PADDING: u16 = 2;

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
    if let Some(width) = width {
        keep_words_whole(&mut table, numbers, width);
    }
    for &index in numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|text| text.trim_end().to_owned()).collect()
}

/// Makes columns as wide as their longest word, those with short words first, as long as the others keep an equal share of the width.
fn keep_words_whole(table: &mut Table, numbers: &[usize], width: u16) {
    let widths = table.column_max_content_widths();
    let fixed: u16 = numbers.iter().filter_map(|&i| widths.get(i)).map(|width| width + PADDING).sum();
    let mut words: Vec<(u16, usize)> = (0..widths.len())
        .filter(|index| !numbers.contains(index))
        .map(|index| (longest_word(table, index).saturating_add(PADDING), index))
        .collect();
    words.sort_unstable();
    let (mut left, mut columns) = (width.saturating_sub(fixed), words.len() as u16);
    for (word, index) in words {
        if word > left / columns {
            return;
        }
        left -= word;
        columns -= 1;
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(word)));
        }
    }
}

fn longest_word(table: &Table, column: usize) -> u16 {
    let rows = table.header().into_iter().chain(table.row_iter());
    let cells = rows.filter_map(|row| row.cell_iter().nth(column)).map(|cell| cell.content());
    let words = cells.map(|text| text.split(' ').map(|word| word.chars().count()).max());
    words.flatten().max().map_or(0, |longest| u16::try_from(longest).unwrap_or(u16::MAX))
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

    #[test]
    fn only_columns_of_many_words_wrap_if_all_words_fit() {
        let name = "driver_hourly_statistics";
        let rows =
            [vec![name.into(), "conv_rate, acc_rate, avg_daily_trips, trips_today".into(), "yes".into()]];
        for width in [52, 53, 60, 70] {
            let lines = layout(&["name", "features", "online"], &rows, &[], Some(width));
            assert!(lines.iter().all(|l| l.chars().count() <= usize::from(width)), "{lines:#?}");
            let text = lines.join(" ");
            let words: Vec<_> = text.split_whitespace().collect();
            for word in [name, "conv_rate,", "avg_daily_trips,", "trips_today", "ONLINE"] {
                assert!(words.contains(&word), "{word} at {width}: {lines:#?}");
            }
        }
    }

    #[test]
    fn words_that_cannot_all_fit_break_in_the_widest_column() {
        let long = "a".repeat(90);
        let rows = [vec![long.clone(), "conv_rate, acc_rate".into()]];
        let lines = layout(&["name", "features"], &rows, &[], Some(50));
        assert!(lines.iter().all(|l| l.chars().count() <= 50), "{lines:#?}");
        assert!(lines.iter().any(|l| l.contains("conv_rate,")), "{lines:#?}");
        assert_eq!(lines.concat().matches('a').count(), long.len() + 3, "{lines:#?}");
    }
}
