//! Something that came back, as it is shown in several rooms.

use super::desk::{Desk, Page};
use crate::ledger::record::{InboundRecord, Review};

/// What is shown of it.
pub(super) struct Came {
    pub(super) number: i64,
    pub(super) key: String,
    pub(super) kind: &'static str,
    pub(super) at: String,
    pub(super) sender: String,
    pub(super) subject: String,
    pub(super) by: Option<(&'static str, String)>,
    /// Why it is what it is, and whether that is said in English whatever the visitor's language.
    pub(super) reasons: Vec<(String, bool)>,
    pub(super) until: Option<String>,
    pub(super) waits: bool,
    pub(super) judged: Option<String>,
    /// The text without quotations, as far as it is shown.
    pub(super) text: String,
    pub(super) files: Vec<String>,
}

/// How much of a text is shown.
const SHOWN: usize = 20_000;

/// Gathers what is shown.
pub(super) fn came(desk: &Desk, page: &Page, record: &InboundRecord) -> Came {
    let sources = &desk.settings.sources;
    let text = record.kept.as_deref().and_then(|kept| (sources.kept_text)(kept)).unwrap_or_default();
    let text = match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    };
    let files = record.kept.as_deref().map(|kept| (sources.kept_files)(kept)).unwrap_or_default();
    let files = files.iter().filter_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        // Kept under `01-name`, so that two of one name are two.
        Some(name.get(3..).map_or_else(|| name.clone(), str::to_owned))
    });
    let reason = |reason: &String| match super::reasons::in_words(page.lang, reason) {
        Some(said) => (said, false),
        None => (reason.clone(), true),
    };
    let matched = record.reading.matched.as_ref();
    let kind = match record.reading.auto_reply {
        Some(kind) if record.kind == crate::delivery::inbound::Kind::AutoReply => page.lang.auto_reply(kind),
        _ => page.lang.kind(record.kind),
    };
    Came {
        number: record.id.0,
        key: record.key.clone(),
        kind,
        at: page.moment(&record.at),
        sender: record.sender.clone().unwrap_or_default(),
        subject: record
            .subject
            .clone()
            .filter(|subject| !subject.is_empty())
            .unwrap_or_else(|| page.t.no_subject.to_owned()),
        by: matched.map(|matched| (page.lang.evidence(matched.by), matched.evidence.clone())),
        reasons: record.reading.reasons.iter().map(reason).collect(),
        until: record.until.map(|day| page.lang.day(day)),
        waits: record.review == Review::Open,
        judged: (record.review == Review::Judged).then(|| record.judged.clone().unwrap_or_default()),
        text: text.trim().to_owned(),
        files: files.collect(),
    }
}
