//! What a person does for recipients who take no mail: the form, the letter, the telephone.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use jiff::civil::Date;
use serde::Deserialize;

use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::register::Entry;
use super::view::Cut;
use crate::campaign::task::{Task, is_https, length};
use crate::delivery::state::State;

/// Tasks of a page.
const ROWS: usize = 25;

struct Row {
    key: String,
    /// The text to copy, where it can be made.
    text: Option<String>,
    length: String,
    too_long: bool,
    errand: &'static str,
    link: Option<String>,
    limit: Option<String>,
    due: Option<String>,
    overdue: bool,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct Tasks {
    p: Page,
    rows: Vec<Row>,
    cut: Cut,
}

/// What the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    page: String,
}

impl Tasks {
    fn to_page(&self, page: usize) -> String {
        format!("/tasks?page={page}")
    }
}

pub(super) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Response {
    visit.read(move |look| Ok(html(&tasks(look, asked.page.parse().unwrap_or(1))?))).await
}

fn tasks(look: &Look, page: usize) -> Result<Tasks, Trouble> {
    let p = look.page(Room::Tasks);
    let settings = &look.desk.settings;
    let deadlines = &settings.sequence.deadlines;
    let today = deadlines.today(settings.clock.now());
    let mut open = look
        .register(|register| {
            let is_open = |entry: &&Entry| entry.line.state == State::Task && entry.line.on_roster;
            let due = |entry: &Entry| deadlines.day(entry.line.deadline).unwrap_or(Date::MAX);
            let open = register.all().iter().filter(is_open);
            open.map(|entry| (due(entry), entry.line.position, entry.line.key.clone())).collect::<Vec<_>>()
        })?
        .unwrap_or_default();
    open.sort();
    let cut = Cut::of(open.len(), ROWS, page);
    let mut found = Vec::new();
    if let Some((reader, campaign)) = &look.ledger {
        for (.., key) in &open[cut.from..cut.to] {
            let enrolled = reader.enrolled(campaign.id, key)?;
            found.extend(enrolled.and_then(|enrolled| {
                let recipient = enrolled.recipient;
                Task::of(&recipient, &settings.tasks, deadlines.day(recipient.deadline))
            }));
        }
    }
    let keys: Vec<&str> = found.iter().map(|task| task.key.as_str()).collect();
    // Where the files cannot be read now, the preview says why.
    let mut texts = (settings.proofs.texts)(&keys).unwrap_or_default();
    let row = |task: Task| {
        let text = texts.remove(&task.key);
        let length = text.as_deref().map_or(0, length);
        Row {
            length: p.lang.number(length),
            too_long: task.limit.is_some_and(|limit| length > limit),
            text,
            errand: p.lang.errand(task.errand),
            overdue: task.is_overdue(today),
            // What stands in the list is a stranger's word: only an ordinary address is made a link.
            link: task.link.clone().filter(|link| is_https(link)),
            limit: task.limit.map(|limit| p.lang.number(limit)),
            due: task.due.map(|day| p.lang.day(day)),
            key: task.key,
        }
    };
    Ok(Tasks { rows: found.into_iter().map(row).collect(), cut, p })
}
