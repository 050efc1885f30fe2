//! `postduif preview`: the dry run. Renders every letter as it would be sent; touches neither ledger nor network.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;

use super::reading::Reading;
use super::refusals::no_such_letter;
use super::survey::{meant, survey};
use super::tasks::typed;
use super::{Context, pdf_letters, preflight, show_plan, tasks, wrong_input};
use crate::campaign::headings;
use crate::campaign::problem::RowPlace;
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::Row;
use crate::campaign::sequence::Continuation;
use crate::campaign::task::{Task, is_https, length};
use crate::campaign::twice::Duplicates;
use crate::cli::Preview;
use crate::engine::press::{Order, Press, PrintError, Printed};
use crate::exit::Exit;
use crate::mail::address::Mailbox;
use crate::mail::message_id::{MessageId, Ordinal, Token};
use crate::mail::mime::Attachment;
use crate::report::{self, Failure, count, grouped};

/// The seed of Message-IDs in a preview. A real campaign's is secret and made at launch, so only the Message-ID (and
/// the boundary and reverse path that follow from it) and the date differ from what will be sent.
const PREVIEW_SEED: [u8; 32] = *b"a preview has no secret to keep.";

/// Shows the plan, one letter, or writes them all.
///
/// # Errors
/// When anything is wrong with the input, or the files cannot be written.
pub fn run(context: &Context, what: &Preview) -> Result<Exit, Failure> {
    let mut reading = Reading::of(context)?;
    if reading.settings_wrong && what.key.is_some() {
        context.report.problems(&reading.problems);
        return Err(wrong_input(&reading.problems));
    }
    if let (Some(key), None) = (&what.key, &what.pdf) {
        return one(context, &reading, key, what.step, Form::of(what));
    }
    let surveyed = survey(context, &mut reading, &[])?;
    if !what.digest || reading.problems.errors() > 0 {
        context.report.problems(&reading.problems);
    }
    if reading.problems.errors() > 0 {
        return Err(wrong_input(&reading.problems));
    }
    if what.digest {
        context.report.result(&surveyed.plan.digest);
        return Ok(Exit::Done);
    }
    if let (Some(key), Some(folder)) = (&what.key, &what.pdf) {
        let keys = meant(&mut reading, std::slice::from_ref(key))?;
        return match keys.first() {
            Some(key) => pdfs(context, &reading, (Some(key), what.step), folder),
            None => {
                context.report.problems(&reading.problems);
                Err(wrong_input(&reading.problems))
            }
        };
    }
    context.report.result(&show_plan::text(&reading, &surveyed, context.clock.now()));
    if let Some(folder) = &what.pdf {
        pdfs(context, &reading, (None, what.step), folder)?;
    }
    if let Some(folder) = &what.out {
        let (letters, tasks) = all(context, &reading, folder)?;
        let tasks = match tasks {
            0 => String::new(),
            tasks => format!(" and {}", count(tasks, "task")),
        };
        let further =
            reading.press.as_ref().map_or(0, |press| press.definition().steps.len() as u64 - 1) * letters;
        let further = match further {
            0 => String::new(),
            further => format!(", {} that follow them if nobody answers", grouped(further)),
        };
        context.report.say(&format!(
            "wrote {}{further}{tasks} into {}; open {} to look through them",
            count(letters, "letter"),
            folder.display(),
            folder.join("index.html").display()
        ));
    } else if what.pdf.is_none() {
        context.report.say(
            "  one letter  postduif preview KEY\n  all letters postduif preview --out DIR\n  really      postduif send --plan DIGEST",
        );
    }
    Ok(Exit::Done)
}

fn pdfs(
    context: &Context,
    reading: &Reading,
    which: (Option<&str>, u32),
    folder: &Path,
) -> Result<Exit, Failure> {
    let written = pdf_letters::write(context, reading, which, folder)?;
    context.report.say(&format!("wrote {} as PDF into {}", count(written, "letter"), folder.display()));
    Ok(Exit::Done)
}

/// In which form one letter is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// For people, below its headers.
    Shown,
    /// As it goes over the line.
    Raw,
    /// The plain text alone.
    Text,
}

impl Form {
    fn of(what: &Preview) -> Self {
        match what {
            Preview { raw: true, .. } => Form::Raw,
            Preview { text: true, .. } => Form::Text,
            _ => Form::Shown,
        }
    }
}

/// Shows one letter.
fn one(context: &Context, reading: &Reading, key: &str, step: u32, form: Form) -> Result<Exit, Failure> {
    let fail = || {
        context.report.problems(&reading.problems);
        wrong_input(&reading.problems)
    };
    let press = reading.press.as_ref().ok_or_else(fail)?;
    if press.letter(step).is_none() {
        return Err(no_such_letter(press, step));
    }
    let mut keys = Vec::new();
    let mut alike = None;
    let mut wrong = None;
    for row in reading.rows()? {
        match row {
            Row::Recipient { at, recipient, .. } | Row::LeftOut { at, recipient, .. } => {
                if recipient.key == key {
                    return shown(context, reading, press, at, (&recipient, step), form);
                }
                if recipient.key.to_lowercase() == key.to_lowercase() {
                    alike = alike.or(Some((at, recipient)));
                } else if keys.len() < 10_000 {
                    keys.push(recipient.key);
                }
            }
            Row::Wrong { problems, .. } => wrong = wrong.or(problems.into_iter().next()),
        }
    }
    if let Some((at, recipient)) = alike {
        return shown(context, reading, press, at, (&recipient, step), form);
    }
    let mut failure = Failure::input(format!("no row has the key `{key}`"));
    if let Some(near) = headings::nearest(key, keys.iter().map(String::as_str)) {
        failure = failure.hint(format!("did you mean `{near}`?"));
    }
    if let Some(wrong) = wrong {
        failure = failure.hint(format!("a row could not be read: {wrong}"));
    }
    Err(failure)
}

fn shown(
    context: &Context,
    reading: &Reading,
    press: &Press,
    at: RowPlace,
    (recipient, step): (&Recipient, u32),
    form: Form,
) -> Result<Exit, Failure> {
    let now = context.clock.now();
    let task = tasks::task(&reading.config, recipient);
    if form == Form::Text || task.is_some() {
        return in_words(context, reading, press, (recipient, step), form);
    }
    let attachments = reading.attachments(recipient, step, now)?;
    let printed = print(press, recipient, step, &attachments, now, form == Form::Raw)?;
    if form == Form::Raw {
        // Byte for byte; a reader that hangs up is no failure.
        let _ = std::io::stdout().lock().write_all(&printed.bytes);
        return Ok(Exit::Done);
    }
    let sender = &press.definition().sender;
    let style = context.report.out;
    let mut text = String::new();
    let mut field = |name: &str, value: String| {
        let _ = writeln!(text, "{} {value}", style.dim(&format!("{name:<9}")));
    };
    field("From:", sender.from.to_string());
    if let Some(reply_to) = &sender.reply_to {
        field("Reply-To:", reply_to.to_string());
    }
    let listed =
        |mailboxes: &[Mailbox]| mailboxes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if let (Some(addressees), Some(to)) = (recipient.addressees(), recipient.mailbox()) {
        field("To:", listed(&[&[to], addressees.also_to.as_slice()].concat()));
        for (name, mailboxes) in [("Cc:", &addressees.cc), ("Bcc:", &addressees.bcc)] {
            if !mailboxes.is_empty() {
                field(name, listed(mailboxes));
            }
        }
    }
    field("Subject:", style.bold(&printed.subject));
    let row = press.row(recipient, step, now, None);
    let manuscript = press.letter(step).and_then(|letter| letter.manuscript(&row.input()).ok());
    if let Some(manuscript) = manuscript.flatten() {
        field("PDF:", manuscript.file_name);
    }
    for file in &attachments {
        let size = report::octets(file.bytes.len() as u64);
        field("Attached:", format!("{} ({}, {size})", file.name, file.media_type));
    }
    let _ = write!(text, "\n{}", printed.text);
    context.report.result(&text);
    context.report.problems(&preflight::of_one(reading, now, at, recipient));
    Ok(Exit::Done)
}

/// Shows the text of a letter; what a person has to know beside it goes where it does not get copied along.
fn in_words(
    context: &Context,
    reading: &Reading,
    press: &Press,
    (recipient, step): (&Recipient, u32),
    form: Form,
) -> Result<Exit, Failure> {
    let (report, now) = (&context.report, context.clock.now());
    if form == Form::Raw {
        let key = typed(&recipient.key);
        return Err(Failure::input(format!("{} takes no mail, so there is no message", recipient.key))
            .hint(format!("`postduif preview {key} --text` prints the text to copy")));
    }
    let merged = press
        .merge(recipient, step, now, None)
        .map_err(|why| Failure::input(why).safe("nothing was sent"))?;
    let text = tasks::copied(&merged.text);
    let task = tasks::task(&reading.config, recipient);
    let facts = match &task {
        Some(task) => tasks::facts(task, &merged.subject, text, reading.config.deadlines.today(now)),
        None => vec![
            ("To:", recipient.mailbox().map(|to| to.to_string()).unwrap_or_default()),
            ("Length:", tasks::said_length(text, None)),
            ("Subject:", merged.subject.clone()),
        ],
    };
    let style = if form == Form::Text { report.err } else { report.out };
    let mut head = String::new();
    for (word, value) in &facts {
        let _ = writeln!(head, "{} {value}", style.dim(&format!("{word:<9}")));
    }
    if form == Form::Text {
        report.say(head.trim_end());
        if let Some(most) = task.and_then(|task| task.limit).filter(|most| length(text) > *most) {
            report.warn(&format!(
                "the text is longer than the {} characters that the form takes",
                grouped(most)
            ));
        }
        report.result(text);
    } else {
        report.result(&format!("{head}\n{text}"));
    }
    Ok(Exit::Done)
}

/// Makes the message of a recipient as it would be sent, but for its Message-ID; the PDF only where it is wanted.
pub(super) fn print(
    press: &Press,
    recipient: &Recipient,
    step: u32,
    attachments: &[Attachment],
    now: Timestamp,
    makes_pdf: bool,
) -> Result<Printed, Failure> {
    let token = Token::derive(&PREVIEW_SEED, &recipient.key, step, 0);
    let message_id = MessageId::of(
        &Ordinal::derive(&PREVIEW_SEED, 0),
        &token,
        step,
        press.definition().sender.from.address.domain(),
    );
    let expected = Continuation::expected(now);
    let order = Order {
        recipient,
        step,
        continues: (step > 1).then_some(&expected),
        message_id: &message_id,
        dated: now,
        attachments,
        waits_for_others: true,
        test_to: None,
        makes_pdf,
    };
    press.print(&order).map_err(|error| {
        let failure = Failure::input(error.to_string()).safe("nothing was sent");
        match error {
            PrintError::Unfit(_) => failure,
            PrintError::Typesetter(_) => failure.hint(pdf_letters::HINT),
        }
    })
}

/// Writes one `.eml` for each recipient who is not another's duplicate, one `.txt` for each task, and a page to look
/// through them. Returns how many letters and how many tasks.
fn all(context: &Context, reading: &Reading, folder: &Path) -> Result<(u64, u64), Failure> {
    let press = reading.press.as_ref().ok_or_else(|| wrong_input(&reading.problems))?;
    let failed =
        |error: std::io::Error| Failure::input(format!("{} cannot be written: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut duplicates = Duplicates::default();
    for row in reading.rows()?.whom_alone() {
        if let Row::Recipient { recipient, .. } = row {
            duplicates.note(&recipient);
        }
    }
    let now = context.clock.now();
    let today = reading.config.deadlines.today(now);
    let mut index = Index::default();
    let (mut letters, mut by_hand) = (0, 0);
    for row in reading.rows()?.leaving_out(duplicates.suspects()) {
        let Row::Recipient { recipient, .. } = row else { continue };
        let name =
            |ending: &str| format!("{:04}-{}.{ending}", letters + by_hand + 1, file_name(&recipient.key));
        if let Some(task) = tasks::task(&reading.config, &recipient) {
            let merged = press.merge(&recipient, 1, now, None).map_err(Failure::input)?;
            let name = name("txt");
            let text = tasks::file(&task, &merged.subject, &merged.text, today);
            write_private(&folder.join(&name), text.as_bytes()).map_err(failed)?;
            index.task(&name, &task, &merged.subject, &merged.text, today);
            by_hand += 1;
            continue;
        }
        let steps = u32::try_from(press.definition().steps.len()).unwrap_or(u32::MAX);
        for step in 1..=steps {
            let attachments = reading.attachments(&recipient, step, now)?;
            let printed = print(press, &recipient, step, &attachments, now, true)?;
            let name = match step {
                1 => name("eml"),
                _ => name(&format!("letter-{step}.eml")),
            };
            write_private(&folder.join(&name), &printed.bytes).map_err(failed)?;
            index.add(&name, &recipient, step, &printed);
        }
        letters += 1;
    }
    write_private(&folder.join("index.html"), index.page(press.definition()).as_bytes()).map_err(failed)?;
    Ok((letters, by_hand))
}

/// Keeps what every file system takes of a key.
fn file_name(key: &str) -> String {
    let name: String = key
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .take(60)
        .collect();
    if name.is_empty() { "letter".to_owned() } else { name }
}

/// Letters hold personal data: mode 0600.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// The page to look through all letters: plain HTML, no script; each letter in a frame that can load nothing.
#[derive(Default)]
struct Index {
    rows: String,
}

impl Index {
    fn add(&mut self, file: &str, recipient: &Recipient, step: u32, printed: &Printed) {
        let frame = escaped(&printed.html);
        let whose = match step {
            1 => recipient.mailbox().map(|mailbox| mailbox.to_string()).unwrap_or_default(),
            step => format!("letter {step}, as it goes if nobody answers"),
        };
        let _ = writeln!(
            self.rows,
            "<details><summary><b>{}</b> {}</summary><p>{} · <a href=\"{}\">{}</a></p>\
             <iframe sandbox loading=\"lazy\" title=\"{}\" srcdoc=\"{frame}\"></iframe>\
             <pre>{}</pre></details>",
            escaped(&recipient.key),
            escaped(&whose),
            escaped(&printed.subject),
            escaped(file),
            escaped(file),
            escaped(&recipient.key),
            escaped(&printed.text),
        );
    }

    fn task(&mut self, file: &str, task: &Task, subject: &str, text: &str, today: Date) {
        let link = match task.link.as_deref().map(|link| (link, is_https(link))) {
            Some((link, true)) => {
                let link = escaped(link);
                format!("<a href=\"{link}\" rel=\"noreferrer\">{link}</a> · ")
            }
            Some((link, false)) => format!("{} · ", escaped(link)),
            None => String::new(),
        };
        let _ = writeln!(
            self.rows,
            "<details><summary><b>{}</b> {}</summary><p>{link}{} · {} · <a href=\"{}\">{}</a></p>\
             <pre>{}</pre></details>",
            escaped(&task.key),
            escaped(&task.words(today)),
            escaped(&tasks::said_length(text, task.limit)),
            escaped(subject),
            escaped(file),
            escaped(file),
            escaped(text),
        );
    }

    fn page(&self, definition: &crate::campaign::definition::Definition) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title><style>\
             body{{font:16px/1.5 sans-serif;max-width:60em;margin:auto;padding:1em}}summary{{padding:.4em 0;cursor:pointer}}\
             iframe{{width:100%;height:40em;border:1px solid #888;background:#fff}}pre{{white-space:pre-wrap;border:1px solid #888;padding:1em}}\
             </style></head><body><h1>{}</h1><p>A preview: nothing was sent. Each letter as HTML, below it as text; each task for a person as text.</p>\n{}</body></html>\n",
            escaped(&definition.language),
            escaped(&definition.name),
            escaped(&definition.name),
            self.rows
        )
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
