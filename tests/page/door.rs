//! The page before the door in a real Chromium, within TLS: with a keyboard alone, in both languages, without a script.

use serde_json::json;

use crate::beyond::{PASSWORD, TLS, with_certificate};
use crate::stage::{DESK, PHONE, Stage, faults, scheme, text};
use crate::support::browser::{Browser, Page};

/// Types a password where the focus is, and sends it.
fn give(page: &mut Page<'_>, password: &str) {
    assert_eq!(page.eval("document.activeElement.id"), "password", "one can type at once");
    page.write(password);
    page.leads(|page| page.press("Enter"));
}

/// What axe finds, and what is wider than the window.
fn look(page: &mut Page<'_>, at: &str, found: &mut Vec<String>) {
    found.extend(faults(page).into_iter().map(|fault| format!("{at}: {fault}")));
    let over = page.eval("document.documentElement.scrollWidth - window.innerWidth").as_i64().unwrap();
    if over > 0 {
        found.push(format!("{at}: {over} pixels wider than the window"));
    }
}

#[test]
fn a_colleague_logs_in_and_out_with_a_keyboard_alone() {
    let Some(mut browser) = Browser::start() else { return };
    let (campaign, _) = with_certificate(&["127.0.0.1"]);
    let stage = Stage::of(campaign, &TLS);
    let pictures = std::env::vars().find_map(|(name, value)| (name == "POSTDUIF_PICTURES").then_some(value));
    let mut found = Vec::new();
    for (language, colours, size, title, wrong, room, out) in [
        ("en", "light", DESK, "Log in", "That is not the password.", "Recipients", "Log out"),
        ("nl", "dark", PHONE, "Aanmelden", "Dat is niet het wachtwoord.", "Ontvangers", "Afmelden"),
    ] {
        let mut page = browser.open("about:blank", size.0, size.1);
        page.call("Security.setIgnoreCertificateErrors", &json!({ "ignore": true }));
        page.call("Network.enable", &json!({}));
        page.call("Network.setExtraHTTPHeaders", &json!({ "headers": { "Accept-Language": language } }));
        // Nothing before the door needs a script.
        scheme(&mut page, colours);
        page.goto(&stage.at("/recipients?q=een"));
        assert_eq!(text(&mut page, "h1"), title);
        assert_eq!(page.eval("document.scripts.length"), 0);
        assert_eq!(page.eval("document.documentElement.lang"), language);
        look(&mut page, &format!("door {language}"), &mut found);
        if let Some(pictures) = &pictures {
            page.screenshot(&std::path::Path::new(pictures).join(format!("door-{language}.png")));
        }
        give(&mut page, "a wrong password");
        assert!(text(&mut page, "[role=alert]").starts_with(wrong), "{}", text(&mut page, "main"));
        look(&mut page, &format!("wrong {language}"), &mut found);
        if let Some(pictures) = &pictures {
            page.screenshot(&std::path::Path::new(pictures).join(format!("wrong-{language}.png")));
        }
        give(&mut page, PASSWORD);
        assert_eq!(text(&mut page, "h1"), room, "the door leads to what was wanted");
        assert_eq!(page.eval("location.pathname + location.search"), "/recipients?q=een");
        assert_eq!(page.eval("document.cookie"), "", "no script sees the cookie");
        look(&mut page, &format!("room {language}"), &mut found);
        if let Some(pictures) = &pictures {
            page.screenshot(&std::path::Path::new(pictures).join(format!("room-{language}.png")));
        }
        for _ in 0..20 {
            if page.eval("document.activeElement.closest('.leave') !== null") == true {
                break;
            }
            page.press("Tab");
        }
        assert_eq!(page.eval("document.activeElement.innerText"), out);
        page.leads(|page| page.press("Enter"));
        assert_eq!(text(&mut page, "h1"), title);
        page.goto(&stage.at("/recipients"));
        assert_eq!(text(&mut page, "h1"), title, "logged out is out");
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
