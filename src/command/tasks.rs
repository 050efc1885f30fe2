//! Tasks, as a person is told of them: which are open, what there is to do for each, and what is odd about a row.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::campaign::problem::{Place, Problem};
use crate::campaign::recipient::{Errand, Recipient};
use crate::campaign::task::{LIMIT, LINK, Task, TaskColumns, characters, host, is_https, length};
use crate::config::Config;
use crate::engine::press::Press;
use crate::ledger::{LedgerError, Reader};
use crate::report::{count, grouped};

/// So many open tasks are told one by one.
const TOLD: usize = 20;

/// Returns the task of a recipient who takes no mail.
pub fn task(config: &Config, recipient: &Recipient) -> Option<Task> {
    Task::of(recipient, &config.tasks, config.deadlines.day(recipient.deadline))
}

/// Returns why we do not write to a recipient, if there is a reason. Of who takes no mail, the host of the form counts.
///
/// # Errors
/// When the ledger cannot be read.
pub fn suppression(
    reader: &Reader,
    recipient: &Recipient,
    columns: &TaskColumns,
) -> Result<Option<String>, LedgerError> {
    if let Some(address) = recipient.address() {
        return reader.suppressed(address);
    }
    match columns.link(recipient).and_then(|cell| host(cell.value)) {
        Some(host) => reader.suppressed_host(&host),
        None => Ok(None),
    }
}

/// Looks at the row of a task: a form wants a link that is safe to follow, and a text that it takes.
pub fn look_at(
    columns: &TaskColumns,
    press: &Press,
    recipient: &Recipient,
    place: &Place,
    now: Timestamp,
    found: &mut Vec<Problem>,
) {
    if recipient.errand() != Some(Errand::WebForm) {
        return;
    }
    let key = &recipient.key;
    let mut warn = |name, said: String, hint: &str| {
        found.push(Problem::warning(name, place.clone(), said).hint(hint));
    };
    match columns.link(recipient) {
        None => {
            let column = columns.link.as_deref().unwrap_or(LINK[0]);
            let hint = format!("put the form's address into the column `{column}`");
            warn("task-without-link", format!("{key}: the web form has no link"), &hint);
        }
        Some(link) if !is_https(link.value) => {
            let said = format!("{key}: the web form's link is no https address: `{}`", short(link.value));
            warn("task-link", said, "write the whole address, with `https://`");
        }
        Some(_) => {}
    }
    let Some(limit) = columns.limit(recipient) else { return };
    let Some(most) = characters(limit.value) else {
        let said = format!("{key}: `{}` is no number of characters: `{}`", limit.column, short(limit.value));
        return warn("task-limit", said, "write digits, such as `2000`, or leave the cell empty");
    };
    // What cannot be merged is told elsewhere.
    let Ok(merged) = press.merge(recipient, 1, now, None) else { return };
    let long = length(copied(&merged.text));
    if long > most {
        let said =
            format!("{key}: the text has {} characters, and the form takes {}", grouped(long), grouped(most));
        warn("task-text-too-long", said, "leave something out for forms, with `{{#if}}` in the letter");
    }
}

/// Says which of the columns that the settings name for tasks are not in the roster.
pub fn missing_columns(columns: &TaskColumns, headings: &[String], file: &str) -> Vec<Problem> {
    let named = [("link", &columns.link, LINK), ("limit", &columns.limit, LIMIT)];
    let named = named.into_iter().filter_map(|(role, heading, usual)| Some((role, heading.as_ref()?, usual)));
    named
        .filter(|(_, heading, _)| !headings.contains(&crate::campaign::headings::normalised(heading)))
        .map(|(role, heading, usual)| {
            let said = format!("no column is headed `{heading}`, where `{role}` should come from");
            let known = headings.iter().map(String::as_str);
            let hint = match crate::campaign::headings::nearest(heading, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("without `[recipients] {role}`, it is found as {}", listed(&usual)),
            };
            Problem::error("missing-column", Place::file(file), said).hint(hint)
        })
        .collect()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn short(text: &str) -> String {
    crate::config::check::shown(text)
}

/// Returns the text of a letter as it is copied: without the line break at its end.
pub fn copied(text: &str) -> &str {
    text.trim_end_matches('\n')
}

/// Returns what a person has to know beside the text, a word and its value each.
pub fn facts(task: &Task, subject: &str, text: &str, today: Date) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Task:", task.words(today))];
    facts.extend(task.link.iter().map(|link| ("Link:", link.clone())));
    facts.push(("Length:", said_length(text, task.limit)));
    facts.push(("Subject:", subject.to_owned()));
    facts
}

/// Returns the file of a task: what a person has to know, then the text.
pub fn file(task: &Task, subject: &str, text: &str, today: Date) -> String {
    let mut file = String::new();
    for (word, value) in [("For:", task.key.clone())].into_iter().chain(facts(task, subject, text, today)) {
        let _ = writeln!(file, "{word:<9} {value}");
    }
    let _ = write!(file, "\n{}\n\n{}\n", "-".repeat(72), copied(text));
    file
}

/// Says how long a text is, and how long it may be.
pub fn said_length(text: &str, limit: Option<u64>) -> String {
    let long = length(copied(text));
    match limit {
        None => count(long, "character"),
        Some(most) if long > most => format!(
            "{} of at most {} characters: {} too many",
            grouped(long),
            grouped(most),
            grouped(long - most)
        ),
        Some(most) => format!("{} of at most {} characters", grouped(long), grouped(most)),
    }
}

/// Returns the open tasks of a campaign with what to do for each; `only` these keys, where any are given.
///
/// # Errors
/// When the ledger cannot be read.
pub fn open(
    config: &Config,
    reader: &Reader,
    only: &[String],
    today: Date,
) -> Result<Option<String>, LedgerError> {
    let Some(campaign) = reader.campaign(&config.name)? else { return Ok(None) };
    let (mut tasks, mut number) = (Vec::new(), 0);
    reader.open_tasks(campaign.id, |recipient| {
        if only.is_empty() || only.contains(&recipient.key) {
            number += 1;
            if tasks.len() < TOLD {
                tasks.extend(task(config, &recipient));
            }
        }
        true
    })?;
    Ok((number > 0).then(|| text(&tasks, number, today)))
}

fn text(tasks: &[Task], number: u64, today: Date) -> String {
    let is = if number == 1 { "is" } else { "are" };
    let mut text = format!("{} for a person {is} open:\n", count(number, "task"));
    let width = tasks.iter().map(|task| task.key.chars().count()).max().unwrap_or(0);
    for task in tasks {
        let link = task.link.as_ref().map(|link| format!(": {link}")).unwrap_or_default();
        let _ = writeln!(text, "  {:<width$}  {}{link}", task.key, task.words(today));
        let key = typed(&task.key);
        let _ = writeln!(
            text,
            "  {:width$}  `postduif preview {key} --text`, then `postduif mark {key} done`",
            ""
        );
    }
    if number > tasks.len() as u64 {
        let more = number - tasks.len() as u64;
        let _ = writeln!(text, "  … and {} more; `postduif status` has them", grouped(more));
    }
    text.trim_end().to_owned()
}

/// Returns a key as it is typed in a shell.
pub fn typed(key: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+' | '/' | ':' | ',');
    if !key.is_empty() && key.chars().all(plain) && !key.starts_with('-') {
        return key.to_owned();
    }
    format!("'{}'", key.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn each_open_task_says_what_there_is_to_do() {
        let task = |key: &str, errand, due: Option<Date>| Task {
            key: key.to_owned(),
            errand,
            link: (errand == Errand::WebForm).then(|| "https://d66.example/contact".to_owned()),
            limit: None,
            due,
        };
        let tasks = [
            task("D66", Errand::WebForm, Some(date(2025, 9, 12))),
            task("Lijst 7", Errand::Post, Some(date(2025, 9, 1))),
            task("VVD", Errand::Phone, None),
        ];
        insta::assert_snapshot!(text(&tasks, 5, date(2025, 9, 2)), @r"
        5 tasks for a person are open:
          D66      web form, by 12 September: https://d66.example/contact
                   `postduif preview D66 --text`, then `postduif mark D66 done`
          Lijst 7  post, overdue since 1 September
                   `postduif preview 'Lijst 7' --text`, then `postduif mark 'Lijst 7' done`
          VVD      telephone
                   `postduif preview VVD --text`, then `postduif mark VVD done`
          … and 2 more; `postduif status` has them
        ");
    }

    #[test]
    fn a_key_is_typed_so_that_a_shell_takes_it_as_one_word() {
        for (key, typed_key) in
            [("D66", "D66"), ("GL-PvdA", "GL-PvdA"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("-x", "'-x'")]
        {
            assert_eq!(typed(key), typed_key);
        }
    }
}
