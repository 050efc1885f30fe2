//! Tables, which a letter does not have, as text.

use super::tidy::unembolden;
use super::{Block, Content, Notes, Run, Sort, Style};

/// Makes a table into a list with the names of the columns, into lines, or into what its cells hold.
pub(super) fn text(header: bool, rows: Vec<Vec<Vec<Block>>>, notes: &mut Notes) -> Vec<Block> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let plain = |cell: &Vec<Block>| matches!(cell.as_slice(), [] | [Block::Paragraph(_)]);
    if rows.len() < 2 || columns < 2 || !rows.iter().flatten().all(plain) {
        if !rows.is_empty() {
            notes.count(Sort::Changed, "a table became paragraphs", "tables became paragraphs");
        }
        return rows.into_iter().flatten().flatten().collect();
    }
    notes.count(
        Sort::Changed,
        "a table became text; see whether it reads well",
        "tables became text; see whether they read well",
    );
    let mut rows: Vec<Vec<Vec<Run>>> = rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|cell| match cell.into_iter().next() {
                    Some(Block::Paragraph(runs)) => in_one_line(runs),
                    _ => Vec::new(),
                })
                .collect()
        })
        .collect();
    let bold = |cell: &Vec<Run>| !cell.is_empty() && cell.iter().all(|run| run.style.bold);
    let named =
        header || rows.first().is_some_and(|row| row.len() == columns && row.iter().skip(1).all(bold));
    let mut names = Vec::new();
    if named {
        names = rows.remove(0);
        names.iter_mut().for_each(|name| unembolden(name));
    }
    if !named && columns == 2 {
        let mut lines = Vec::new();
        for row in rows {
            if !lines.is_empty() {
                lines.push(Run { content: Content::Break, style: Style::default() });
            }
            lines.append(&mut joined(row, ": "));
        }
        return vec![Block::Paragraph(lines)];
    }
    let items = rows.into_iter().map(|row| {
        let cells = row.into_iter().enumerate().filter(|(_, cell)| !cell.is_empty()).map(|(at, cell)| {
            let name = names.get(at).cloned().unwrap_or_default();
            joined(vec![name, cell], ": ")
        });
        vec![Block::Paragraph(joined(cells.collect(), "; "))]
    });
    vec![Block::List { first: None, items: items.collect() }]
}

/// Joins what is not empty; what ends in a colon needs no further sign.
fn joined(parts: Vec<Vec<Run>>, with: &str) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    for mut part in parts.into_iter().filter(|part| !part.is_empty()) {
        let ends = |run: &Run| matches!(&run.content, Content::Text(text) if text.ends_with(':'));
        if let Some(last) = all.last() {
            all.push(Run::text(if ends(last) { " " } else { with }));
        }
        all.append(&mut part);
    }
    all
}

fn in_one_line(runs: Vec<Run>) -> Vec<Run> {
    runs.into_iter()
        .map(|run| match run.content {
            Content::Break => Run::text(", "),
            _ => run,
        })
        .collect()
}
