//! In which language a text is written, by its small words. Dutch, English, German, French and Frisian.
//!
//! Small words make up a third of any text, and none of the five languages shares many of them with another, so counting
//! them does for a letter what a model of letters does for a tweet, with a list that can be read.

/// A language that is recognised, with its tag (RFC 5646), its name, and its small words, each of no other list.
const LANGUAGES: [(&str, &str, &[&str]); 5] = [
    (
        "nl",
        "Dutch",
        &[
            "het", "een", "en", "van", "aan", "dat", "niet", "zijn", "wij", "ons", "onze", "uw", "voor",
            "met", "ook", "wordt", "worden", "deze", "bij", "maar", "naar", "om", "door", "geen", "hebben",
            "heeft", "kunnen", "graag", "moet", "nog", "wel",
        ],
    ),
    (
        "en",
        "English",
        &[
            "the", "and", "of", "to", "that", "this", "with", "your", "you", "our", "are", "have", "from",
            "would", "which", "it", "on", "not", "their", "they", "there", "been", "by", "could", "should",
            "these", "what", "for", "at", "has", "as",
        ],
    ),
    (
        "de",
        "German",
        &[
            "und", "das", "nicht", "mit", "ist", "ein", "eine", "einen", "wir", "uns", "unsere", "für",
            "auf", "dass", "sich", "auch", "dem", "zu", "zur", "zum", "bei", "werden", "wird", "ihre",
            "ihnen", "oder", "wie", "haben", "über", "nach", "können",
        ],
    ),
    (
        "fr",
        "French",
        &[
            "le", "la", "les", "des", "et", "une", "pour", "que", "qui", "dans", "nous", "vous", "notre",
            "votre", "pas", "sur", "avec", "est", "sont", "ce", "cette", "aux", "du", "au", "par", "leur",
            "être", "ont", "mais", "ne", "il",
        ],
    ),
    (
        "fy",
        "Frisian",
        &[
            "it", "in", "fan", "oan", "net", "binne", "jo", "jim", "ús", "foar", "mei", "ek", "wurdt",
            "wurde", "dizze", "mar", "nei", "troch", "gjin", "hawwe", "hat", "kinne", "graach", "moat",
            "noch", "wol", "yn", "op", "dy", "sil", "is",
        ],
    ),
];

/// Fewer words than this say nothing.
const FEWEST: usize = 40;

/// Returns the tag and the name of the language that a text is in; nothing where that is not plain.
pub fn of(text: &str) -> Option<(&'static str, &'static str)> {
    let mut words = 0_usize;
    let mut counts = [0_usize; LANGUAGES.len()];
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        words += 1;
        if word.len() > 10 {
            continue;
        }
        let word = word.to_lowercase();
        for (count, (_, _, known)) in counts.iter_mut().zip(&LANGUAGES) {
            *count += usize::from(known.contains(&word.as_str()));
        }
    }
    let (best, most) = counts.iter().copied().enumerate().max_by_key(|(_, count)| *count)?;
    let next = counts.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, count)| *count).max()?;
    // A tenth of all words at least, and half as many again as of any other language.
    let plain = words >= FEWEST && most * 10 >= words && most * 2 > next * 3;
    LANGUAGES.get(best).filter(|_| plain).map(|(tag, name, _)| (*tag, *name))
}

/// Returns the name of the language that a text is in, where that is plainly not the one of the tag.
pub fn other_than(tag: &str, text: &str) -> Option<(&'static str, &'static str)> {
    let said = tag.split('-').next().unwrap_or(tag).to_lowercase();
    // Low German and Afrikaans would be taken for their neighbours.
    let near =
        |found: &str| matches!((said.as_str(), found), ("af", "nl") | ("nds", "nl" | "de") | ("li", "nl"));
    of(text).filter(|(found, _)| *found != said && !near(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUTCH: &str = "Wij schrijven u omdat de gemeente binnenkort beslist over de opvang in onze wijk. Het gaat om mensen die al jaren hier \
        wonen en die niet weten waar zij aan toe zijn. Wij vragen u om daar in uw programma aandacht aan te geven, en wij komen graag langs om \
        het uit te leggen.";
    const ENGLISH: &str = "We are writing to you because the council will soon decide on the shelter in our neighbourhood. It is about people who \
        have been living here for years and who do not know what to expect. We ask you to give this a place in your programme, and we would be \
        glad to come and explain it.";
    const GERMAN: &str = "Wir schreiben Ihnen, weil die Gemeinde bald über die Unterkunft in unserem Viertel entscheidet. Es geht um Menschen, die \
        seit Jahren hier wohnen und die nicht wissen, womit sie rechnen können. Wir bitten Sie, dem in Ihrem Programm einen Platz zu geben, und \
        wir kommen gern zu Ihnen, um es zu erklären.";
    const FRENCH: &str = "Nous vous écrivons parce que la commune décidera bientôt de l'accueil dans notre quartier. Il s'agit de personnes qui \
        vivent ici depuis des années et qui ne savent pas à quoi s'attendre. Nous vous demandons de leur donner une place dans votre programme, et \
        nous viendrons volontiers vous l'expliquer.";
    const FRISIAN: &str = "Wy skriuwe jo omdat de gemeente ynkoarten beslút oer de opfang yn ús wyk. It giet om minsken dy't hjir al jierren wenje \
        en dy't net witte wêr't se oan ta binne. Wy freegje jo om dêr yn jo programma omtinken oan te jaan, en wy komme graach by jo del om it út te \
        lizzen.";

    #[test]
    fn each_language_is_known_by_its_small_words() {
        for (tag, text) in [("nl", DUTCH), ("en", ENGLISH), ("de", GERMAN), ("fr", FRENCH), ("fy", FRISIAN)] {
            assert_eq!(of(text).map(|(tag, _)| tag), Some(tag), "{text}");
            assert_eq!(other_than(tag, text), None);
            assert_eq!(other_than(&format!("{tag}-XX"), text), None);
        }
        assert_eq!(other_than("nl", ENGLISH), Some(("en", "English")));
        assert_eq!(other_than("es", GERMAN), Some(("de", "German")));
        let shipped = include_str!("../../../templates/letter.md");
        assert_eq!(of(shipped).map(|(tag, _)| tag), Some("nl"));
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let short = "We ask you to read this.";
        let names = "Amsterdam Eindhoven Groningen Utrecht ".repeat(20);
        let half = format!("{DUTCH} {ENGLISH}");
        for text in [short, names.as_str(), half.as_str(), ""] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
