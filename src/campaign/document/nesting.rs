//! Items that follow each other, each with a level, as lists within lists.

use super::{Block, Run};

/// A paragraph on its way into a list.
pub(super) enum Flat {
    /// What stands outside of lists.
    Block(Block),
    /// An item at a level from 0; with a number, or with a bullet.
    Item { level: usize, number: Option<u64>, runs: Vec<Run> },
    /// A further paragraph of the item before it.
    More(Vec<Run>),
}

struct Open {
    level: usize,
    first: Option<u64>,
    items: Vec<Vec<Block>>,
}

impl Open {
    /// Returns whether an item with that number or bullet goes on with this list.
    fn goes_on(&self, number: Option<u64>) -> bool {
        match (self.first, number) {
            (None, None) => true,
            (Some(first), Some(number)) => number == first.saturating_add(self.items.len() as u64),
            _ => false,
        }
    }
}

/// Makes lists of items.
pub(super) fn nest(flat: Vec<Flat>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for piece in flat {
        match piece {
            Flat::Block(block) => {
                close(&mut open, 0, &mut blocks);
                blocks.push(block);
            }
            Flat::Item { level, number, runs } => {
                close(&mut open, level + 1, &mut blocks);
                if open.last().is_some_and(|list| list.level == level && !list.goes_on(number)) {
                    close(&mut open, level, &mut blocks);
                }
                if open.last().is_none_or(|list| list.level != level) {
                    open.push(Open { level, first: number, items: Vec::new() });
                }
                if let Some(list) = open.last_mut() {
                    list.items.push(vec![Block::Paragraph(runs)]);
                }
            }
            Flat::More(runs) => match open.last_mut().and_then(|list| list.items.last_mut()) {
                Some(item) => item.push(Block::Paragraph(runs)),
                None => blocks.push(Block::Paragraph(runs)),
            },
        }
    }
    close(&mut open, 0, &mut blocks);
    blocks
}

/// Ends the lists at this level and below.
fn close(open: &mut Vec<Open>, level: usize, blocks: &mut Vec<Block>) {
    while open.last().is_some_and(|list| list.level >= level) {
        let Some(list) = open.pop() else { return };
        let block = Block::List { first: list.first, items: list.items };
        match open.last_mut().and_then(|outer| outer.items.last_mut()) {
            Some(item) => item.push(block),
            None => blocks.push(block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(level: usize, number: Option<u64>, text: &str) -> Flat {
        Flat::Item { level, number, runs: vec![Run::text(text)] }
    }

    fn said(blocks: &[Block]) -> String {
        blocks
            .iter()
            .map(|block| match block {
                Block::List { first, items } => {
                    let items: Vec<String> = items.iter().map(|item| said(item)).collect();
                    format!("{}[{}]", first.map_or(String::new(), |first| first.to_string()), items.join(","))
                }
                Block::Paragraph(runs) => match &runs[0].content {
                    crate::campaign::document::Content::Text(text) => text.clone(),
                    other => format!("{other:?}"),
                },
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn levels_become_lists_within_items_and_numbers_that_go_on_stay_together() {
        let flat = vec![
            item(0, Some(1), "a"),
            item(1, None, "b"),
            item(1, None, "c"),
            Flat::More(vec![Run::text("d")]),
            item(0, Some(2), "e"),
            Flat::Block(Block::Paragraph(vec![Run::text("-")])),
            item(0, Some(3), "f"),
            item(0, None, "g"),
            item(0, None, "h"),
            item(0, Some(1), "i"),
            item(0, Some(1), "j"),
        ];
        assert_eq!(said(&nest(flat)), "1[a[b,cd],e]-3[f][g,h]1[i]1[j]");
    }

    #[test]
    fn a_list_may_begin_deep_and_come_up() {
        assert_eq!(
            said(&nest(vec![item(3, None, "a"), item(1, None, "b"), item(2, None, "c")])),
            "[a][b[c]]"
        );
    }
}
