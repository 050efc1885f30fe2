//! What the people of the town write, and their machines: Dutch, in words of our own; nobody of them lives.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::post::{Author, Letter, Mail};
use super::script::{Deed, Habit, Script};
use crate::campaign::calendar::Window;
use crate::campaign::words::Tongue;

/// What persons answer, where the script has no words for them.
const ANSWERS: [&str; 5] = [
    "Dank voor uw brief. Wij hebben de punten met de commissie besproken en nemen er twee over in het concept. U hoort van ons zodra het is vastgesteld.",
    "Met belangstelling gelezen. Op een aantal punten denken wij er anders over, maar een gesprek stellen wij op prijs. Kunt u een paar data noemen?",
    "Uw oproep is bij ons aangekomen. Het programma is al naar de drukker, dus wij kunnen er niets meer aan toevoegen. Na de verkiezingen praten wij graag verder.",
    "Wij steunen uw derde en vijfde punt. Wilt u ons laten weten welke gemeenten u als voorbeeld ziet?",
    "Dank u wel. Wij hebben hier geen behoefte aan, maar waarderen dat u ons hebt geschreven.",
];

/// What a colleague answers.
const COLLEAGUES: [&str; 2] = [
    "Uw brief aan onze programmacommissie is aan mij doorgegeven. Ik behandel dit onderwerp en stuur u volgende week onze reactie.",
    "Namens de commissie: wij hebben uw voorstellen gelezen en leggen ze voor aan de leden.",
];

/// What somebody writes from a private address.
const FROM_HOME: &str = "Ik lees dit thuis even rustig na. Wat u over de uitvoering schrijft, herken ik. Ik breng het in bij de vergadering van maandag.";

/// How somebody says that they want no more letters.
const OPT_OUTS: [&str; 2] = ["afmelden", "Graag afmelden. Wij willen geen post meer van u ontvangen."];

/// Makes what comes back about a letter, with when it does: nothing for what happens at the door.
pub(super) fn writes(script: &Script, deed: &Deed, letter: &Letter<'_>) -> Option<(Timestamp, Mail)> {
    let chance = |bound, what| script.below(bound, letter.key, deed.letter, what);
    let pick = |texts: &[&str]| {
        let at = usize::try_from(chance(texts.len() as u64, "text")).unwrap_or(0);
        texts.get(at).copied().unwrap_or_default().to_owned()
    };
    let said = |texts: &[&str]| deed.text.clone().unwrap_or_else(|| pick(texts));
    let after = script.after(letter.key, deed);
    let mut at = letter.at.saturating_add(after).unwrap_or(letter.at);
    if deed.habit.is_a_persons() {
        at = in_office_hours(at, letter.zone, chance(95, "minute"), chance(60, "second"));
    }
    let mail = match deed.habit {
        Habit::Nothing
        | Habit::Refuses
        | Habit::Full
        | Habit::Greylists
        | Habit::DropsTheLine
        | Habit::LosesTheLetter => return None,
        Habit::Answers => letter.answer(Author::Themselves, &signed(&said(&ANSWERS), letter.name), at),
        Habit::ColleagueAnswers => {
            letter.answer(Author::Colleague, &signed(&said(&COLLEAGUES), "Het secretariaat"), at)
        }
        Habit::AnswersFromHome => letter.answer(Author::AtHome, &said(&[FROM_HOME]), at),
        Habit::AnswersAnew => letter.anew(&signed(&said(&ANSWERS), letter.name), at),
        Habit::OptsOut => letter.answer(Author::Themselves, &said(&OPT_OUTS), at),
        Habit::Away | Habit::AwaySaysPostmaster => {
            let back = deed.back_after.map(|days| workday(at, days, letter.zone));
            let text = deed.text.clone().unwrap_or_else(|| away(back));
            let author = match deed.habit {
                Habit::Away => Author::Themselves,
                _ => Author::Postmaster,
            };
            letter.automatic(author, "Automatisch antwoord", &text, deed.threaded, at)
        }
        Habit::Acknowledges => {
            let number = 1000 + chance(9000, "ticket");
            let text = deed.text.clone().unwrap_or_else(|| {
                format!(
                    "Dit is een automatische ontvangstbevestiging. Wij hebben uw bericht ontvangen onder nummer {number}. \
                     U krijgt zo spoedig mogelijk een reactie.\n\nU kunt dit bericht niet beantwoorden."
                )
            });
            letter.automatic(Author::Themselves, "Ontvangstbevestiging", &text, deed.threaded, at)
        }
        Habit::Complains => letter.complaint(at),
        Habit::Bounces => letter.returned("5.1.1", "550 5.1.1 User unknown in virtual mailbox table", at),
        Habit::BouncesFull => letter.returned("5.2.2", "552 5.2.2 Mailbox is full / Quota exceeded", at),
    };
    Some((at, mail))
}

fn signed(text: &str, name: &str) -> String {
    format!("Geachte afzender,\n\n{text}\n\nMet vriendelijke groet,\n{name}")
}

fn away(back: Option<Date>) -> String {
    match back {
        Some(day) => format!(
            "Dank voor uw bericht. Ik ben afwezig en lees mijn mail niet. Op {} {} ben ik weer terug.",
            weekday(day.weekday()),
            Tongue::Dutch.date(day)
        ),
        None => "Dank voor uw bericht. Ik ben op dit moment afwezig en lees mijn mail niet.".to_owned(),
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "maandag",
        Weekday::Tuesday => "dinsdag",
        Weekday::Wednesday => "woensdag",
        Weekday::Thursday => "donderdag",
        Weekday::Friday => "vrijdag",
        Weekday::Saturday => "zaterdag",
        Weekday::Sunday => "zondag",
    }
}

/// The day so many days later, and no day of a weekend.
fn workday(at: Timestamp, days: u32, zone: &TimeZone) -> Date {
    let mut day = at.to_zoned_datetime(zone.clone()).date().saturating_add(i64::from(days).days());
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = day.saturating_add(1.days());
    }
    day
}

/// Puts off what a person does to when people are at work; some minutes into the morning, where it is put off.
fn in_office_hours(at: Timestamp, zone: &TimeZone, minute: u64, second: u64) -> Timestamp {
    use jiff::civil::Time;
    let office = Window {
        zone: zone.clone(),
        days: vec![Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday],
        from: Time::constant(8, 30, 0, 0),
        until: Time::constant(17, 45, 0, 0),
    };
    match office.open_at_or_after(at) {
        Some(opens) if opens > at => {
            let into = std::time::Duration::from_secs(minute * 60 + second);
            opens.saturating_add(into).unwrap_or(opens)
        }
        _ => at,
    }
}
