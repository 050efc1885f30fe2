//! The SASL mechanisms that carry a secret (RFC 4422): PLAIN (RFC 4616), LOGIN, OAUTHBEARER (RFC 7628), XOAUTH2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::secret::{CANNOT, Hidden};
use super::{Login, Secret};

/// A SASL mechanism that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    Login,
    XOAuth2,
    OAuthBearer,
}

impl Mechanism {
    /// Chooses the best mechanism that the server offers and that fits the kind of secret.
    ///
    /// # Errors
    /// A clause for people that begins with "cannot log in".
    pub(crate) fn choose(offered: &[String], login: &Login) -> Result<Self, String> {
        let fitting = match login.secret {
            Secret::TokenCommand(_) => [Mechanism::OAuthBearer, Mechanism::XOAuth2],
            _ => [Mechanism::Plain, Mechanism::Login],
        };
        let is_offered = |mechanism: &Mechanism| offered.iter().any(|name| name == mechanism.name());
        fitting.into_iter().find(is_offered).ok_or_else(|| {
            let wanted = fitting.map(Mechanism::name).join(" or ");
            if offered.is_empty() {
                format!("{CANNOT}: the server offers no login on this line")
            } else {
                format!("{CANNOT}: we need {wanted}, and the server offers {}", offered.join(", "))
            }
        })
    }

    /// Returns its registered name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::XOAuth2 => "XOAUTH2",
            Mechanism::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// Returns what is said to log in.
    pub(crate) fn dialogue(self, login: &Login, secret: &Hidden, host: &str, port: u16) -> Dialogue {
        let user = &login.username;
        let secret = secret.reveal();
        let initial = match self {
            Mechanism::Plain => format!("\0{user}\0{secret}"),
            Mechanism::Login => {
                return Dialogue { initial: None, answers: vec![BASE64.encode(user), BASE64.encode(secret)] };
            }
            Mechanism::XOAuth2 => format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
            Mechanism::OAuthBearer => {
                // RFC 5801 §4: the comma and the equals sign mean something in the header.
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {secret}\x01\x01")
            }
        };
        let initial = BASE64.encode(initial);
        let answer = match self {
            // Some servers overlook the response that came with the command.
            Mechanism::Plain | Mechanism::Login => initial.clone(),
            // The token was refused and the challenge tells why; the refusal itself comes after our empty answer.
            Mechanism::XOAuth2 => String::new(),
            // RFC 7628 §3.2.3: the empty answer is one ^A.
            Mechanism::OAuthBearer => "AQ==".into(),
        };
        Dialogue { initial: Some(initial), answers: vec![answer] }
    }
}

/// What we say to log in, all in base64. It has no `Debug`: all of it is secret.
pub(crate) struct Dialogue {
    /// What may go along with the command (RFC 4422 §3.3), where the mechanism speaks first.
    pub(crate) initial: Option<String>,
    /// What is answered to each challenge after that, in order.
    pub(crate) answers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(secret: Secret) -> Login {
        Login { username: "ada".into(), secret }
    }

    #[test]
    fn the_mechanism_fits_the_secret_and_the_offer() {
        let offers = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let password = login(Secret::Password("x".into()));
        let token = login(Secret::TokenCommand("x".into()));
        let all = offers("LOGIN PLAIN XOAUTH2 OAUTHBEARER");
        assert_eq!(Mechanism::choose(&all, &password), Ok(Mechanism::Plain));
        assert_eq!(Mechanism::choose(&all, &token), Ok(Mechanism::OAuthBearer));
        assert_eq!(Mechanism::choose(&offers("LOGIN XOAUTH2"), &password), Ok(Mechanism::Login));
        assert_eq!(Mechanism::choose(&offers("LOGIN XOAUTH2"), &token), Ok(Mechanism::XOAuth2));
        let error = Mechanism::choose(&offers("GSSAPI"), &token).unwrap_err();
        assert_eq!(error, "cannot log in: we need OAUTHBEARER or XOAUTH2, and the server offers GSSAPI");
    }

    #[test]
    fn a_comma_in_the_user_name_cannot_change_the_header() {
        let login = Login { username: "a=b,c".into(), secret: Secret::TokenCommand(String::new()) };
        let said = Mechanism::OAuthBearer.dialogue(&login, &Hidden::of("t"), "mail.example", 587);
        let initial = String::from_utf8(BASE64.decode(said.initial.unwrap()).unwrap()).unwrap();
        assert_eq!(initial, "n,a=a=3Db=2Cc,\x01host=mail.example\x01port=587\x01auth=Bearer t\x01\x01");
    }
}
