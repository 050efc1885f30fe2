//! What a person does for recipients who take no mail: the form, the letter, the telephone.

use askama::Template;
use axum::response::Response;

use super::desk::{Look, Page, Room, Trouble, Visit, html};
use crate::campaign::task::{Task, is_https};

struct Row {
    key: String,
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
}

pub(super) async fn show(visit: Visit) -> Response {
    visit.read(|look| Ok(html(&tasks(look)?))).await
}

fn tasks(look: &Look) -> Result<Tasks, Trouble> {
    let p = look.page(Room::Tasks);
    let settings = &look.desk.settings;
    let deadlines = &settings.sequence.deadlines;
    let today = deadlines.today(settings.clock.now());
    let mut found = Vec::new();
    if let Some((reader, campaign)) = &look.ledger {
        reader.open_tasks(campaign.id, |recipient| {
            found.extend(Task::of(&recipient, &settings.tasks, deadlines.day(recipient.deadline)));
            found.len() < 1000
        })?;
    }
    found.sort_by_key(|task| task.due.unwrap_or(jiff::civil::Date::MAX));
    let rows = found.into_iter().map(|task| Row {
        errand: p.lang.errand(task.errand),
        overdue: task.is_overdue(today),
        // What stands in the list is a stranger's word: only an ordinary address is made a link.
        link: task.link.clone().filter(|link| is_https(link)),
        limit: task.limit.map(|limit| p.lang.number(limit)),
        due: task.due.map(|day| p.lang.day(day)),
        key: task.key,
    });
    Ok(Tasks { rows: rows.collect(), p })
}
